/* SPDX-License-Identifier: MIT
 *
 * The handshake: 02-handshake.md sections 4 to 6, between one initiator and one responder that asks for cookies when it
 * likes. Slots, pieces of message 1 and strangers are in cookies.pml.
 *
 * run      any_loss                                   the network loses what it likes; timers fire when they like
 * run      few_losses      -DLOSSES=2                 two datagrams are lost; a timer waits for a round trip
 * run      no_loss         -DLOSSES=0                 none is lost, but they overtake each other
 * run      changing_source -DCHANGING_SOURCE progress no cookie is right: a NAT gives each datagram another port
 *
 * mutation SESSION_AT_MESSAGE_2      any_loss        a_session_of_the_responder_is_one_of_the_initiator
 * mutation MESSAGE_3_TWICE           any_loss        message_3_completes_the_handshake_once
 * mutation PIECES_OF_TWO_MESSAGES    any_loss        a_message_is_made_of_its_own_pieces
 * mutation LIMIT_KEEPS_THE_SESSION   any_loss        both_agree_or_fail
 * mutation MESSAGE_1_ONCE            few_losses      a_few_losses_do_not_stop_it
 * mutation MESSAGE_2_ONCE            few_losses      a_few_losses_do_not_stop_it
 * mutation MESSAGE_3_ONCE            few_losses      a_few_losses_do_not_stop_it
 * mutation CONFIRMED_ONCE            few_losses      a_few_losses_do_not_stop_it
 * mutation COOKIE_NOT_CARRIED        few_losses      a_few_losses_do_not_stop_it
 * mutation NOTHING_HELD              no_loss         packets_that_overtake_message_3_are_held
 * mutation COOKIES_WITHOUT_END       changing_source no_livelock
 */
#include "common.inc"

#define TRIES 3       /* how often a message is sent again before the time limit */
#define COOKIES_MAX 3 /* section 4 */
#define ATTEMPTS 2    /* half-open handshakes that the responder makes of the same message 1 */

/* Datagrams on their way. Those of one content are one. Message 3 and packets of the initiator are of one attempt. */
bool message1[2];            /* 1: with the right cookie */
bool cookie;
bool message2[2 * ATTEMPTS]; /* 2 * attempt + piece */
bool message3;
bool data;                   /* the initiator's first packet of the session */
bool keepalive;              /* the responder's */
bool close;                  /* the initiator's CLOSE */

#define ON_THE_WAY                                                                                                    \
  (message1[0] || message1[1] || cookie || message2[0] || message2[1] || message2[2] || message2[3] || message3 ||    \
   data || keepalive || close)

mtype:initiator = { waiting, confirming, done, failed };
mtype:initiator state = waiting;
byte mine = ATTEMPTS;        /* the attempt that became the initiator's session */

mtype:responder = { unused, open, finished, expired };
mtype:responder half_open[ATTEMPTS] = unused;
bool session[ATTEMPTS];      /* the responder has it */
bool data_read;

/* A half-open handshake lives 10 s, as a dial does, which is older. */
#ifdef LOSSES
#define TIMER_MAY_FIRE (!ON_THE_WAY)
#define HALF_OPEN_MAY_END ((state == done || state == failed) && !ON_THE_WAY)
#else
#define TIMER_MAY_FIRE true
#define HALF_OPEN_MAY_END true
#endif

/* --- initiator --- */

bool has_cookie;

inline send_message1() { message1[has_cookie] = true }

inline receive_cookie() {
  if
#ifdef COOKIES_WITHOUT_END
  :: state == waiting ->
#else
  :: state == waiting && cookies_taken < COOKIES_MAX ->
     cookies_taken++;
#endif
#ifndef COOKIE_NOT_CARRIED
     has_cookie = true;
#endif
     send_message1()
  :: else
  fi
}

inline receive_message2(attempt, piece) {
  if
  :: state == waiting ->
#ifndef PIECES_OF_TWO_MESSAGES
     if
     :: kept_of != attempt -> kept = 0
     :: else
     fi;
#endif
     must(a_message_is_made_of_its_own_pieces, kept == 0 || kept_of == attempt);
     kept_of = attempt;
     kept = kept | (1 << piece);
     if
     :: kept == 3 ->
        kept = 0;
        kept_of = 0;
        mine = attempt;
        state = confirming;
        tries = 0;
        message3 = true;
        data = true
     :: else
     fi
  :: else
  fi
}

active proctype Initiator() {
  byte tries = 0;
  byte cookies_taken = 0;
  byte kept = 0;             /* pieces of a message 2, a bit for each ... */
  byte kept_of = 0;          /* ... which belong to this attempt */

  send_message1();
end:
  do
  :: atomic { cookie -> take(cookie); receive_cookie() }
  :: atomic { message2[0] -> take(message2[0]); receive_message2(0, 0) }
  :: atomic { message2[1] -> take(message2[1]); receive_message2(0, 1) }
  :: atomic { message2[2] -> take(message2[2]); receive_message2(1, 0) }
  :: atomic { message2[3] -> take(message2[3]); receive_message2(1, 1) }
  :: atomic { keepalive ->
       take(keepalive);
       if
       :: state == confirming -> state = done
       :: else
       fi
     }
  :: atomic { state == waiting && tries < TRIES && TIMER_MAY_FIRE ->
       tries++;
#ifndef MESSAGE_1_ONCE
       send_message1()
#endif
     }
  :: atomic { state == confirming && tries < TRIES && TIMER_MAY_FIRE ->
       tries++;
#ifndef MESSAGE_3_ONCE
       message3 = true
#endif
     }
  :: atomic { state == waiting && tries == TRIES && TIMER_MAY_FIRE -> state = failed }
  :: atomic { state == confirming && tries == TRIES && TIMER_MAY_FIRE ->
#ifndef LIMIT_KEEPS_THE_SESSION
       state = failed;
       close = true
#else
       state = done
#endif
     }
  od
}

/* --- responder --- */

inline send_message2(attempt) {
  message2[2 * attempt] = true;
  message2[2 * attempt + 1] = true
}

inline establish(attempt) {
  must(a_session_of_the_responder_is_one_of_the_initiator, mine == attempt);
  must(message_3_completes_the_handshake_once, half_open[attempt] == open);
  half_open[attempt] = finished;
  session[attempt] = true
}

inline make_half_open(attempt) {
  half_open[attempt] = open;
#ifdef SESSION_AT_MESSAGE_2
  establish(attempt);
#endif
  send_message2(attempt)
}

inline answer_again(attempt) {
#ifdef MESSAGE_2_ONCE
  skip
#else
  send_message2(attempt)
#endif
}

inline receive_message1(right_cookie) {
  if
#ifdef CHANGING_SOURCE
  :: true -> cookie = true
#else
  :: !right_cookie -> cookie = true /* cookies are required, ... */
  :: true ->                        /* ... or not, or it is right */
     if
     :: half_open[0] == open -> answer_again(0)
     :: half_open[1] == open -> answer_again(1)
     :: half_open[0] == unused -> make_half_open(0)
     :: half_open[0] != unused && half_open[0] != open && half_open[1] == unused -> make_half_open(1)
     :: else /* the bound of this model */
     fi
#endif
  fi
}

inline receive_message3() {
  if
#ifdef MESSAGE_3_TWICE
  :: half_open[mine] == open || half_open[mine] == finished ->
#else
  :: half_open[mine] == open ->
#endif
     establish(mine);
     keepalive = true;
     data_read = data_read || held;
     held = false
#ifndef MESSAGE_3_TWICE
  :: half_open[mine] == finished && session[mine] ->
#ifndef CONFIRMED_ONCE
     keepalive = true
#endif
#endif
  :: else
  fi
}

inline receive_data() {
  if
  :: session[mine] -> data_read = true
#ifndef NOTHING_HELD
  :: half_open[mine] == open -> held = true
#endif
  :: else
  fi
}

active proctype Responder() {
  bool held;                 /* a packet that overtook message 3 */

end:
  do
  :: atomic { message1[0] -> take(message1[0]); receive_message1(false) }
  :: atomic { message1[1] -> take(message1[1]); receive_message1(true) }
  :: atomic { message3 -> take(message3); receive_message3() }
  :: atomic { data -> take(data); receive_data() }
  :: atomic { close -> take(close); session[mine] = false }
  :: atomic { half_open[0] == open && HALF_OPEN_MAY_END -> half_open[0] = expired; held = false }
  :: atomic { half_open[1] == open && HALF_OPEN_MAY_END -> half_open[1] = expired; held = false }
  /* The initiator has no session: nothing authentic arrives any more, and this one is closed with `idle`. */
  :: atomic { session[0] && state == failed && !ON_THE_WAY -> session[0] = false }
  :: atomic { session[1] && state == failed && !ON_THE_WAY -> session[1] = false }
  od
}

/* --- the network --- */

active proctype Network() {
end:
  do
  :: lose(message1[0])
  :: lose(message1[1])
  :: lose(cookie)
  :: lose(message2[0])
  :: lose(message2[1])
  :: lose(message2[2])
  :: lose(message2[3])
  :: lose(message3)
  :: lose(data)
  :: lose(keepalive)
  :: lose(close)
  od
}

/* --- when nothing more happens --- */

active proctype Judge() {
  atomic {
    timeout ->
    must(both_agree_or_fail,
         (state == done && session[mine] && !session[1 - mine]) || (state == failed && !session[0] && !session[1]));
#ifdef LOSSES
    must(a_few_losses_do_not_stop_it, state == done);
#if LOSSES == 0
    must(packets_that_overtake_message_3_are_held, data_read)
#endif
#endif
  }
}
