/* SPDX-License-Identifier: MIT
 *
 * Which session stays: 02-handshake.md section 8. Two nodes dial each other, one of them perhaps twice, with a clock,
 * since the rules speak of times. A handshake is reduced to what matters here: who has the session since when.
 *
 * run      crossing             -DPROMPT             both dial; every datagram arrives before the clock ticks
 * run      crossing_any_loss                         both dial; datagrams arrive late or never
 * run      again                -DAGAIN              node 0 dials again after its first dial has ended
 *
 * mutation LARGER_AT_ONE_END    crossing            no_session_is_closed_for_one_that_only_one_side_has
 * mutation NEWER_STAYS          crossing            no_session_is_closed_for_one_that_only_one_side_has
 * mutation REPORTED_TWICE       crossing            a_peer_is_reported_once
 * mutation CLOSED_UNANSWERED    crossing_any_loss   no_session_is_closed_for_one_that_only_one_side_has
 * mutation NO_TAKING_OVER       crossing_any_loss   both_have_the_same_session
 * mutation NEWER_STAYS          crossing_any_loss   no_session_is_closed_for_one_that_only_one_side_has
 */
#include "common.inc"

/* A tick is 3 s and a bit. */
#define LIMIT 3          /* section 4: 10 s */
#define HALF_OPEN 3      /* section 5: 10 s */
#define DUPLICATE 1      /* section 8: 3 s */
#define OLD 4            /* older than any of these */
#define NONE 3

/* Dials 0 and 2 are node 0's, dial 1 is node 1's. */
#define INITIATOR(s) (s & 1)
#define RESPONDER(s) (1 - (s & 1))
#define at(n, s) (3 * (n) + (s))

mtype = { unused, dialling, half_open, up, gone };
mtype state[6] = unused; /* of session s at node n: at(n, s) */
byte age[6];             /* since that state began */
byte dial_age[3];
bool heard[6];           /* the node knows that the peer has the session */
bool duplicate[6];
byte duplicate_age[6];
bool answers[6];         /* the peer has answered on the session against which this one has lost */
bool close[6];           /* CLOSE is on its way to the node */
bool read_message2[3];   /* so message 3 is on its way, again and again */
bool answered[3];        /* so is a packet of the session */
byte current[2] = NONE;  /* the session that serves the peer */
byte ups[2];             /* how often the peer was reported */
bool zero_is_smaller;    /* the hash of dial 0's handshake, than that of dial 1's */

#define SMALLER(s, t) ((s == 0 && zero_is_smaller) || (s == 1 && !zero_is_smaller))

#ifdef LARGER_AT_ONE_END
#define STAYS(n, s, t) (n == 0 && SMALLER(s, t) || n == 1 && SMALLER(t, s))
#elif defined(NEWER_STAYS)
#define STAYS(n, s, t) true
#else
#define STAYS(n, s, t) SMALLER(s, t)
#endif
#ifdef CLOSED_UNANSWERED
#define MAY_CLOSE(n, s) true
#else
#define MAY_CLOSE(n, s) answers[at(n, s)]
#endif
/* Who dials again has given up the session of before; one of two that crossed may still have streams. */
#define IS_UNUSED(n, s) (INITIATOR(s) == INITIATOR(current[n]) || duplicate_age[at(n, s)] == DUPLICATE)
#define IS_DUE(n, s)                                                                                                  \
  (duplicate[at(n, s)] && current[n] != NONE && IS_UNUSED(n, s) && MAY_CLOSE(n, s))

inline older(x, most) {
  if
  :: x < most -> x++
  :: else
  fi
}

inline become_current(node, which) {
  current[node] = which;
  duplicate[at(node, which)] = false
}

/* The session is over at a node. */
inline end_session(where, ended) {
  state[at(where, ended)] = gone;
  heard[at(where, ended)] = false;
  duplicate[at(where, ended)] = false;
  age[at(where, ended)] = 0;
  if
  :: current[where] == ended ->
     current[where] = NONE;
#ifndef NO_TAKING_OVER
     if
     :: state[at(where, 0)] == up && duplicate[at(where, 0)] -> become_current(where, 0)
     :: state[at(where, 1)] == up && duplicate[at(where, 1)] -> become_current(where, 1)
     :: state[at(where, 2)] == up && duplicate[at(where, 2)] -> become_current(where, 2)
     :: else
     fi
#endif
  :: else
  fi
}

/* Node `me` closes a session, because another one stays. */
inline close_for(me, over, stays) {
  must(no_session_is_closed_for_one_that_only_one_side_has,
       state[at(1 - me, over)] != up || state[at(1 - me, stays)] == up);
  end_session(me, over);
  close[at(1 - me, over)] = true
}

/* It serves what it has, and is closed later. */
inline lose_against(me, loser) {
  duplicate[at(me, loser)] = true;
  duplicate_age[at(me, loser)] = 0;
  answers[at(me, 0)] = false;
  answers[at(me, 1)] = false;
  answers[at(me, 2)] = false
}

/* Section 8. Node n has session s since now. */
inline admit(n, s) {
  t = current[n];
  if
  :: t == NONE ->
     current[n] = s;
     ups[n]++
  :: else ->
     if
     :: INITIATOR(s) != INITIATOR(t) ->
        if
        :: STAYS(n, s, t) ->
           current[n] = s;
#ifdef REPORTED_TWICE
           ups[n]++;
#endif
           lose_against(n, t)
        :: else -> lose_against(n, s)
        fi
     :: else ->
        if
        :: s > t ->
           current[n] = s;
           lose_against(n, t)
        :: s < t -> lose_against(n, s)
        fi
     fi
  fi;
  t = 0
}

/* The handshake of dial s. Messages are sent again, so one may arrive at any time as long as somebody waits for it. */
proctype Dial(byte s) {
  byte t = 0;
  byte i = INITIATOR(s);
  byte r = RESPONDER(s);

end_never_dialled:
  atomic { current[i] == NONE && (s != 2 || state[at(0, 0)] == gone) -> state[at(i, s)] = dialling };
end:
  do
  :: atomic { state[at(r, s)] == unused && state[at(i, s)] != unused -> /* message 1 */
       state[at(r, s)] = half_open;
       age[at(r, s)] = 0
     }
  :: atomic { state[at(i, s)] == dialling && state[at(r, s)] == half_open -> /* message 2 */
       state[at(i, s)] = up;
       age[at(i, s)] = 0;
       read_message2[s] = true;
       admit(i, s)
     }
  :: atomic { state[at(r, s)] == half_open && read_message2[s] -> /* message 3 */
       state[at(r, s)] = up;
       heard[at(r, s)] = true;
       answered[s] = true;
       age[at(r, s)] = 0;
       admit(r, s)
     }
  :: atomic { answered[s] && state[at(i, s)] == up && !heard[at(i, s)] -> /* the first packet back */
       heard[at(i, s)] = true
     }
  :: atomic { dial_age[s] == LIMIT && state[at(i, s)] == dialling -> state[at(i, s)] = gone }
  :: atomic { dial_age[s] == LIMIT && state[at(i, s)] == up && !heard[at(i, s)] ->
       end_session(i, s);
       close[at(r, s)] = true
     }
  :: atomic { state[at(r, s)] == half_open && age[at(r, s)] == HALF_OPEN -> state[at(r, s)] = gone }
  :: atomic { close[at(i, s)] && state[at(i, s)] == up -> close[at(i, s)] = false; end_session(i, s) }
  :: atomic { close[at(r, s)] && state[at(r, s)] == up -> close[at(r, s)] = false; end_session(r, s) }
#ifndef PROMPT
  /* Nothing arrives at the responder at all, or CLOSE does not. */
  :: atomic { state[at(r, s)] == unused && state[at(i, s)] == gone -> state[at(r, s)] = gone }
  :: atomic { close[at(i, s)] -> close[at(i, s)] = false }
  :: atomic { close[at(r, s)] -> close[at(r, s)] = false }
#endif
  /* A request on the session that stays, and its answer. */
  :: atomic { duplicate[at(i, s)] && current[i] != NONE && state[at(r, current[i])] == up ->
       answers[at(i, s)] = true; heard[at(r, current[i])] = true; heard[at(i, current[i])] = true
     }
  :: atomic { duplicate[at(r, s)] && current[r] != NONE && state[at(i, current[r])] == up ->
       answers[at(r, s)] = true; heard[at(i, current[r])] = true; heard[at(r, current[r])] = true
     }
  :: atomic { IS_DUE(i, s) -> close_for(i, s, current[i]) }
  :: atomic { IS_DUE(r, s) -> close_for(r, s, current[r]) }
  od
}

/* --- time --- */

#define DIAL_RUNS(s)                                                                                                  \
  (state[at(INITIATOR(s), s)] == dialling || (state[at(INITIATOR(s), s)] == up && !heard[at(INITIATOR(s), s)]))
#define RUNS(n, s)                                                                                                    \
  (state[at(n, s)] == half_open || (duplicate[at(n, s)] && duplicate_age[at(n, s)] < DUPLICATE) ||                    \
   (state[at(n, s)] == up && age[at(n, s)] < OLD))
#define IS_OVERDUE(s)                                                                                                 \
  ((DIAL_RUNS(s) && dial_age[s] == LIMIT) ||                                                                          \
   (state[at(RESPONDER(s), s)] == half_open && age[at(RESPONDER(s), s)] == HALF_OPEN) || IS_DUE(0, s) || IS_DUE(1, s))
#ifdef PROMPT
#define IS_ON_THE_WAY(s)                                                                                              \
  ((DIAL_RUNS(s) && !heard[at(INITIATOR(s), s)]) || close[at(0, s)] || close[at(1, s)])
#else
#define IS_ON_THE_WAY(s) false
#endif
#define HOLDS_THE_CLOCK(s) (IS_OVERDUE(s) || IS_ON_THE_WAY(s))

active proctype Clock() {
  byte x;

end:
  do
  :: atomic {
       (DIAL_RUNS(0) || DIAL_RUNS(1) || DIAL_RUNS(2) || RUNS(0, 0) || RUNS(0, 1) || RUNS(0, 2) || RUNS(1, 0) ||
        RUNS(1, 1) || RUNS(1, 2)) && !HOLDS_THE_CLOCK(0) && !HOLDS_THE_CLOCK(1) && !HOLDS_THE_CLOCK(2) ->
       for (x : 0 .. 2) {
         if
         :: DIAL_RUNS(x) -> dial_age[x]++
         :: else
         fi
       }
       for (x : 0 .. 5) {
         if
         :: state[x] == half_open || state[x] == up -> older(age[x], OLD)
         :: else
         fi;
         if
         :: duplicate[x] -> older(duplicate_age[x], DUPLICATE)
         :: else
         fi
       }
       x = 0
     }
  od
}

/* --- when nothing more happens --- */

#define BOTH(s) (state[at(0, s)] == up && state[at(1, s)] == up)

/* A session that the peer does not have gets no packet, and is closed with `idle`. */
inline idle(s) {
  if
  :: state[at(0, s)] == up && state[at(1, s)] != up -> end_session(0, s)
  :: state[at(1, s)] == up && state[at(0, s)] != up -> end_session(1, s)
  :: else
  fi
}

init {
  byte s;
  atomic {
    if
    :: zero_is_smaller = true
    :: true
    fi;
    run Dial(0);
#ifdef AGAIN
    run Dial(2)
#else
    run Dial(1)
#endif
  }
  atomic {
    timeout ->
    for (s : 0 .. 2) { idle(s) }
    must(both_have_the_same_session, current[0] == current[1] && (current[0] == NONE || BOTH(current[0])));
#ifdef PROMPT
    must(a_session_is_left, current[0] != NONE);
    must(a_peer_is_reported_once, ups[0] == 1 && ups[1] == 1)
#endif
  }
}
