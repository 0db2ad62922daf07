/* SPDX-License-Identifier: MIT
 *
 * Key updates: 03-session.md section 9. The two ends of a session replace its keys twice, with a clock, since the grace
 * period and the pause between updates are times.
 *
 * run      any_loss                               the network loses what it likes
 * run      few_losses  -DLOSSES=3                 a few packets are lost; who has nothing to say is silent
 * run      only_asked  -DLOSSES=3 -DONLY_ASKED    likewise; updates begin only because the responder asks
 * run      how_long    -DLOSSES=3 progress        likewise: is there anything that goes on without time passing?
 *
 * mutation NO_GRACE                   any_loss    no_packet_is_refused
 * mutation GRACE_FROM_THE_MAKING      any_loss    no_packet_is_refused
 * mutation RESPONDER_SENDS_AT_ONCE    any_loss    no_packet_is_refused
 * mutation INITIATOR_SENDS_TOO_EARLY  any_loss    no_packet_is_refused
 * mutation NO_PAUSE                   any_loss    no_third_set_of_keys
 * mutation BEGUN_UNCONFIRMED          any_loss    no_third_set_of_keys
 * mutation REQUEST_FOR_ANY_EPOCH      any_loss    a_request_is_heeded_for_the_newest_keys_only
 * mutation NEW_BYTES_WHEN_REPEATED    any_loss    both_halves_are_of_one_message
 * mutation OLD_MESSAGE_1_READ         any_loss    both_make_the_same_keys
 * mutation MESSAGE_1_ONCE             few_losses  keys_are_replaced_before_their_end
 * mutation MESSAGE_2_ONCE             few_losses  keys_are_replaced_before_their_end
 * mutation NOT_ASKED                  few_losses  keys_are_replaced_before_their_end
 * mutation REQUEST_ONCE               only_asked  keys_are_replaced_before_their_end
 * mutation ANSWERS_ARE_ANSWERED       how_long    no_livelock
 */
#include "common.inc"

/* A tick is 5 s and a bit. */
#define EPOCHS 3       /* with the handshake's: two updates */
#define LIFE 2         /* a packet arrives before the second tick after it was sent, or never */
#define GRACE 2        /* 10 s */
#define PAUSE 2        /* 10 s after the first packet of the newest epoch the initiator may begin */
#define GUARD 1        /* 5 s: before, the responder makes no new ones */
#define MOMENT 3       /* 20 min: now at the latest an update is due */
#define END 15         /* a minute later no key is used any longer */

/* --- packets on their way: ticks that they have left --- */

byte message1[4];      /* 2 * (epoch of the new keys - 1) + half; sealed under the epoch before */
byte asks[EPOCHS];     /* any other packet of the initiator, and answered: "are you there" */
byte message2[4];      /* as message 1 */
byte answers[EPOCHS];  /* any other packet of the responder, CLOSE among them */
byte request[EPOCHS];  /* "key update wanted", sealed under that epoch and naming it */

/* --- the two ends --- */

typedef End {
  byte newest;         /* epoch of the newest keys made */
  bool confirmed;      /* a packet of that epoch has arrived */
  byte sends;          /* epoch under which it sends */
  byte keys;           /* to receive with: a bit for each epoch */
  byte grace;          /* ticks until the old ones are wiped */
  byte since;          /* ticks since the first packet of the newest epoch, up to PAUSE */
  byte halves;         /* of the peer's message, a bit for each */
#ifdef LOSSES
  byte age;            /* ticks since the newest keys were made ... */
  byte age_before;     /* ... and those before */
#endif
};
End initiator, responder;

bool exchanging = false; /* initiator: message 1 is sent, message 2 not read */
bool asking = false;     /* initiator: "are you there" is not answered */
bool wanted = false;     /* initiator: the responder has asked for an update */
bool wants = false;      /* responder: wants one */
bool asked[EPOCHS];      /* for the properties: the responder has asked to have these keys replaced */
#ifdef NEW_BYTES_WHEN_REPEATED
bit version = 0;         /* of message 1, ... */
bit version_of[4];       /* ... of a half on its way, ... */
bit kept_version = 0;    /* ... and of the half that the responder keeps */
#endif

#define AGE(end) (end.confirmed -> end.age : end.age_before)

inline take_packet(packet) {
  if
  :: packet = 0
  :: doubles > 0 -> doubles--
  fi
}

/* A packet under epoch e has come to `end`. */
inline open(end, e) {
  must(no_packet_is_refused, (end.keys & (1 << (e))) != 0);
  if
  :: e == end.newest && !end.confirmed ->
     end.confirmed = true;
     end.sends = end.newest;
     end.since = 0;
     if
     :: e == 0 -> skip
     :: else ->
#ifdef NO_GRACE
        end.keys = 1 << end.newest
#elif !defined(GRACE_FROM_THE_MAKING)
        end.grace = GRACE
#else
        skip
#endif
     fi
  :: else
  fi
}

inline make_keys(end) {
  must(no_third_set_of_keys, end.keys == (1 << end.newest));
  end.newest++;
  end.confirmed = false;
  end.keys = end.keys | (1 << end.newest);
  end.halves = 0;
#ifdef LOSSES
  end.age_before = end.age;
  end.age = 0;
#endif
#ifdef GRACE_FROM_THE_MAKING
  end.grace = GRACE;
#endif
  end.since = 0
}

/* --- initiator --- */

inline send_message1() {
#ifdef NEW_BYTES_WHEN_REPEATED
  version = 1 - version;
  version_of[2 * initiator.newest] = version;
  version_of[2 * initiator.newest + 1] = version;
#endif
  message1[2 * initiator.newest] = LIFE;
  message1[2 * initiator.newest + 1] = LIFE
}

inline begin() {
  exchanging = true;
  wanted = false;
#ifdef INITIATOR_SENDS_TOO_EARLY
  initiator.sends = initiator.newest + 1;
  asks[initiator.sends] = LIFE;
#endif
  send_message1()
}

#ifdef NO_PAUSE
#define MAY_BEGIN (initiator.confirmed && !exchanging && initiator.newest + 1 < EPOCHS)
#elif defined(BEGUN_UNCONFIRMED)
#define MAY_BEGIN (!exchanging && initiator.newest + 1 < EPOCHS)
#else
#define MAY_BEGIN (initiator.confirmed && initiator.since == PAUSE && !exchanging && initiator.newest + 1 < EPOCHS)
#endif

inline receive_message2(epoch, half) {
  take_packet(message2[2 * (epoch - 1) + half]);
  open(initiator, epoch - 1);
  if
  :: epoch <= initiator.newest
  :: epoch == initiator.newest + 1 ->
     must(no_honest_side_breaks_the_protocol, exchanging);
     initiator.halves = initiator.halves | (1 << half);
     if
     :: initiator.halves == 3 ->
        make_keys(initiator);
        must(both_make_the_same_keys, initiator.newest == responder.newest);
        exchanging = false;
        initiator.sends = initiator.newest;
#ifndef NOT_ASKED
        asking = true;
        asks[initiator.newest] = LIFE
#endif
     :: else
     fi
  :: epoch > initiator.newest + 1 -> must(no_honest_side_breaks_the_protocol, false) /* never */
  fi
}

inline receive_answer(e) {
  take_packet(answers[e]);
  open(initiator, e);
  if
  :: e == initiator.newest -> asking = false
  :: else
  fi;
#ifdef ANSWERS_ARE_ANSWERED
  asks[initiator.sends] = LIFE
#endif
}

inline receive_request(e) {
  take_packet(request[e]);
  open(initiator, e);
#ifndef REQUEST_FOR_ANY_EPOCH
  if
  :: e == initiator.newest && !exchanging -> wanted = true
  :: else
  fi
#else
  wanted = true
#endif
}

proctype Initiator() {
end:
  do
  :: atomic { message2[0] > 0 -> receive_message2(1, 0) }
  :: atomic { message2[1] > 0 -> receive_message2(1, 1) }
  :: atomic { message2[2] > 0 -> receive_message2(2, 0) }
  :: atomic { message2[3] > 0 -> receive_message2(2, 1) }
  :: atomic { answers[0] > 0 -> receive_answer(0) }
  :: atomic { answers[1] > 0 -> receive_answer(1) }
  :: atomic { answers[2] > 0 -> receive_answer(2) }
  :: atomic { request[0] > 0 -> receive_request(0) }
  :: atomic { request[1] > 0 -> receive_request(1) }
#ifndef ONLY_ASKED
  :: atomic { MAY_BEGIN -> begin() } /* its own moment, or use */
#endif
  :: atomic { MAY_BEGIN && wanted ->
       must(a_request_is_heeded_for_the_newest_keys_only, asked[initiator.newest]);
       begin()
     }
#ifndef LOSSES
  :: atomic { asks[initiator.sends] < LIFE -> asks[initiator.sends] = LIFE } /* it has something to say */
#endif
  od
}

/* --- responder --- */

inline send_message2() {
  message2[2 * (responder.newest - 1)] = LIFE;
  message2[2 * (responder.newest - 1) + 1] = LIFE
}

inline receive_message1(epoch, half) {
  take_packet(message1[2 * (epoch - 1) + half]);
  open(responder, epoch - 1);
  if
  :: epoch == responder.newest && !responder.confirmed ->
#ifndef MESSAGE_2_ONCE
     send_message2()
#else
     skip
#endif
#ifdef OLD_MESSAGE_1_READ
  :: epoch == responder.newest + 1 || (epoch == responder.newest && responder.confirmed) ->
#else
  :: epoch == responder.newest + 1 ->
#endif
     must(no_honest_side_breaks_the_protocol, responder.confirmed);
     if
     :: responder.since < GUARD -> skip
     :: else ->
#ifdef NEW_BYTES_WHEN_REPEATED
        must(both_halves_are_of_one_message,
             responder.halves == 0 || responder.halves == (1 << half) ||
             version_of[2 * (epoch - 1) + half] == kept_version);
        kept_version = version_of[2 * (epoch - 1) + half];
#endif
        responder.halves = responder.halves | (1 << half);
        if
        :: responder.halves == 3 ->
           must(both_make_the_same_keys, exchanging && responder.newest == initiator.newest);
           make_keys(responder);
           wants = false;
#ifdef RESPONDER_SENDS_AT_ONCE
           responder.sends = responder.newest;
#endif
           send_message2()
        :: else
        fi
     fi
  :: else
  fi
}

#define MAY_WANT                                                                                                      \
  (responder.confirmed && responder.since == PAUSE && !wants && responder.newest + 1 < EPOCHS && responder.halves == 0)

inline send_request() {
  wants = true;
  asked[responder.newest] = true;
  request[responder.newest] = LIFE
}

inline receive_ask(e) {
  take_packet(asks[e]);
  open(responder, e);
  answers[responder.sends] = LIFE
}

proctype Responder() {
end:
  do
  :: atomic { message1[0] > 0 -> receive_message1(1, 0) }
  :: atomic { message1[1] > 0 -> receive_message1(1, 1) }
  :: atomic { message1[2] > 0 -> receive_message1(2, 0) }
  :: atomic { message1[3] > 0 -> receive_message1(2, 1) }
  :: atomic { asks[0] > 0 -> receive_ask(0) }
  :: atomic { asks[1] > 0 -> receive_ask(1) }
  :: atomic { asks[2] > 0 -> receive_ask(2) }
  :: atomic { MAY_WANT -> send_request() }
#ifndef LOSSES
  :: atomic { answers[responder.sends] < LIFE -> answers[responder.sends] = LIFE }
#endif
  od
}

/* --- the network --- */

#define lose_packet(packet) atomic { packet > 0 && MAY_LOSE -> LOSE; packet = 0 }

proctype Network() {
end:
  do
  :: lose_packet(message1[0])
  :: lose_packet(message1[1])
  :: lose_packet(message1[2])
  :: lose_packet(message1[3])
  :: lose_packet(message2[0])
  :: lose_packet(message2[1])
  :: lose_packet(message2[2])
  :: lose_packet(message2[3])
  :: lose_packet(asks[0])
  :: lose_packet(asks[1])
  :: lose_packet(asks[2])
  :: lose_packet(answers[0])
  :: lose_packet(answers[1])
  :: lose_packet(answers[2])
  :: lose_packet(request[0])
  :: lose_packet(request[1])
  od
}

/* --- time --- */

#define SETTLED (initiator.newest + 1 == EPOCHS && initiator.confirmed && responder.confirmed)
#define ON_THE_WAY                                                                                                    \
  (message1[0] + message1[1] + message1[2] + message1[3] + message2[0] + message2[1] + message2[2] + message2[3] +     \
   asks[0] + asks[1] + asks[2] + answers[0] + answers[1] + answers[2] + request[0] + request[1] > 0)
#ifdef ONLY_ASKED
#define IS_LATE ((MAY_BEGIN && wanted) || (MAY_WANT && responder.age >= MOMENT))
#else
#define IS_LATE (MAY_BEGIN && initiator.age >= MOMENT)
#endif
#ifdef LOSSES
#define TIME_PASSES (!ON_THE_WAY && !IS_LATE)
#else
#define TIME_PASSES true
#endif

inline one_less(x) {
  if
  :: x > 0 -> x--
  :: else
  fi
}

inline older(end) {
  if
  :: end.grace == 1 ->
     end.grace = 0;
#ifdef GRACE_FROM_THE_MAKING
     end.keys = end.keys & ~(1 << (end.newest - 1))
#else
     end.keys = 1 << end.newest
#endif
  :: end.grace > 1 -> end.grace--
  :: else
  fi;
  if
  :: end.confirmed && end.since < PAUSE -> end.since++
  :: else
  fi
#ifdef LOSSES
  end.age++;
  if
  :: !end.confirmed -> end.age_before++
  :: else
  fi
#endif
}

proctype Clock() {
  byte x = 0;

end:
  do
  :: atomic { TIME_PASSES && !SETTLED ->
       for (x : 0 .. 3) {
         one_less(message1[x]);
         one_less(message2[x])
       }
       for (x : 0 .. EPOCHS - 1) {
         one_less(asks[x]);
         one_less(answers[x]);
         one_less(request[x])
       }
       x = 0;
progress:
       older(initiator);
       older(responder);
#ifdef LOSSES
       must(keys_are_replaced_before_their_end, AGE(initiator) < END && AGE(responder) < END);
#endif
       /* What is repeated: after 0.3, 0.6, 1.2, 2.4, 4.8 s. */
       if
#ifndef MESSAGE_1_ONCE
       :: exchanging -> send_message1()
#endif
       :: asking && !exchanging -> asks[initiator.newest] = LIFE
       :: else
       fi;
       if
#ifndef REQUEST_ONCE
       :: wants -> request[responder.newest] = LIFE
#endif
       :: else
       fi
     }
  od
}

/* --- when nothing more happens --- */

init {
  atomic {
    initiator.keys = 1;
    responder.keys = 1;
#ifdef ONLY_ASKED
    responder.confirmed = true;  /* the initiator's first keepalive has come */
#endif
    initiator.confirmed = true;  /* message 3 was answered */
    run Initiator();
    run Responder();
    run Network();
    run Clock()
  }
  atomic {
    timeout ->
    must(both_have_the_newest_keys, SETTLED)
  }
}
