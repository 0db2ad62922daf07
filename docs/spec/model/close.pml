/* SPDX-License-Identifier: MIT
 *
 * The end of a session: 03-session.md section 7. Both sides have it, send packets while they do, and may close it.
 *
 * run      any_loss                             the network loses what it likes; timers fire when they like
 * run      one_loss    -DLOSSES=1               a timer waits until nothing is on its way
 * run      talking     -DLOSSES=2 -DTALKING     both CLOSE may be lost, but the other side goes on sending
 * run      how_long    progress                 without the 3 s, would it end?
 *
 * mutation CLOSE_ONCE             one_loss  the_peer_learns_of_the_end
 * mutation NOT_ANSWERED           talking   the_peer_learns_of_the_end
 * mutation NEVER_IDLE             any_loss  both_end
 * mutation CLOSE_IS_ANSWERED      any_loss  close_ends_the_session_without_answering
 * mutation ANSWERS_WITHOUT_END    how_long  no_livelock
 * mutation ANSWERS_NOT_COUNTED    any_loss  close_is_repeated_at_most_5_times
 */
#include "common.inc"

#define COPIES 2                 /* section 7 */
#define ANSWERS_MAX 5            /* likewise */
#define PACKETS_MAX 2            /* that each side sends of itself */

mtype = { open, closing, closed };
mtype state[2] = open;
bool wants_to_close[2];
bool idle[2];                    /* ended because nothing arrived */
byte answers[2];
bool asked[2];                   /* a packet came when it was closing */
byte packets[2];

/* On their way to a side: CLOSE packets, and any other packet. */
byte close[2];
bool packet[2];

#ifdef LOSSES
#define TIMER_MAY_FIRE                                                                                                \
  (close[0] == 0 && close[1] == 0 && (!packet[0] || state[0] == closed) && (!packet[1] || state[1] == closed))
#else
#define TIMER_MAY_FIRE true
#endif

/* Talking: the 3 s are long enough for the other side to send something that arrives. */
#ifdef TALKING
#define MAY_SEND(me) true
#define MAY_FORGET(me) (asked[me] || state[1 - me] == closed)
#else
#define MAY_SEND(me) (packets[me] < PACKETS_MAX)
#define MAY_FORGET(me) true
#endif

#if defined(NOT_ANSWERED)
#define MAY_ANSWER(me) false
#elif defined(ANSWERS_WITHOUT_END)
#define MAY_ANSWER(me) (close[1 - me] < COPIES)
#elif defined(ANSWERS_NOT_COUNTED)
#define MAY_ANSWER(me) (answers[me] <= ANSWERS_MAX)
#else
#define MAY_ANSWER(me) (answers[me] < ANSWERS_MAX)
#endif

inline answer(me) {
  if
  :: MAY_ANSWER(me) ->
     close[1 - me]++;
#ifndef ANSWERS_WITHOUT_END
     answers[me]++;
#endif
     must(close_is_repeated_at_most_5_times, answers[me] <= ANSWERS_MAX)
  :: else
  fi
}

proctype Side(bit me) {
end:
  do
  /* A packet of its own. */
  :: atomic { state[me] == open && !packet[1 - me] && MAY_SEND(me) ->
#ifndef TALKING
       packets[me]++;
#endif
       packet[1 - me] = true
     }
  :: atomic { state[me] == open && wants_to_close[me] ->
       state[me] = closing;
#ifdef CLOSE_ONCE
       close[1 - me] = close[1 - me] + 1
#else
       close[1 - me] = close[1 - me] + COPIES
#endif
     }
  :: atomic { close[me] > 0 ->
       close[me]--;
       if
       :: state[me] == open ->
          state[me] = closed;
#ifdef CLOSE_IS_ANSWERED
          close[1 - me]++;
#endif
          must(close_ends_the_session_without_answering, close[1 - me] == 0)
       :: state[me] == closing -> answer(me) /* it has no keys, and can not tell that this is CLOSE */
       :: state[me] == closed
       fi
     }
  :: atomic { packet[me] ->
       take(packet[me]);
       if
       :: state[me] == closing -> asked[me] = true; answer(me)
       :: else
       fi
     }
  /* 3 s */
  :: atomic { state[me] == closing && TIMER_MAY_FIRE && MAY_FORGET(me) ->
       state[me] = closed
     }
#ifndef NEVER_IDLE
  /* Nothing authentic has arrived for so long that the other side's 3 s are over. */
  :: atomic { state[me] == open && state[1 - me] == closed && TIMER_MAY_FIRE ->
       state[me] = closed;
       idle[me] = true
     }
#endif
  od
}

active proctype Network() {
end:
  do
  :: atomic { close[0] > 0 && MAY_LOSE -> LOSE; close[0]-- }
  :: atomic { close[1] > 0 && MAY_LOSE -> LOSE; close[1]-- }
  :: lose(packet[0])
  :: lose(packet[1])
  od
}

init {
  wants_to_close[0] = true;
#ifndef TALKING
  if
  :: wants_to_close[1] = true
  :: true
  fi;
#endif
  atomic { run Side(0); run Side(1) }
  atomic {
    timeout ->
    must(both_end, state[0] == closed && state[1] == closed);
#ifdef LOSSES
    must(the_peer_learns_of_the_end, !idle[0] && !idle[1])
#endif
  }
}
