/* SPDX-License-Identifier: MIT
 *
 * What strangers can make a responder remember: 02-handshake.md sections 5 and 6, for message 1 and its two pieces.
 * Strangers know UUID and shared secret. They send from any address, where they can not receive, with cookies that they
 * got at their own, and send again what they recorded. Meanwhile an honest initiator wants in.
 *
 * run      flood
 *
 * mutation NO_COOKIE_CHECK        flood no_slot_for_a_source_that_never_got_a_cookie
 * mutation COOKIE_IN_FIRST_PIECE  flood no_slot_for_a_source_that_never_got_a_cookie
 * mutation COOKIE_OF_ANY_SOURCE   flood no_slot_for_a_source_that_never_got_a_cookie
 * mutation HALF_OPEN_NOT_COUNTED  flood no_slot_for_a_source_that_never_got_a_cookie
 * mutation COOKIES_WHEN_FULL      flood a_right_cookie_finds_a_free_slot
 * mutation NO_SALT_FILTER         flood a_replayed_datagram_is_not_answered
 * mutation ANSWER_FIRST_PIECE     flood nothing_is_answered_to_an_incomplete_message
 */
#include "common.inc"

#define SLOTS 4                  /* for reassembly, and half-open ones: 1,024 in section 5 */

/* The responder's slots. */
byte strangers_reassembled = 0;  /* of sources where nobody receives */
byte strangers_half_open = 0;
byte pieces = 0;                 /* of the honest initiator's message 1, a bit for each */
bool half_open = false;          /* the honest initiator's */

/* What is on its way to the honest initiator, and what it knows. */
bool cookie = false;
bool has_cookie = false;
/* Of its pieces: the responder has seen the salt of one. */
bool salt_seen = false;

#define REASSEMBLED (strangers_reassembled + (pieces != 0))
#define HALF_OPEN (strangers_half_open + half_open)
#define SCARCE (2 * REASSEMBLED >= SLOTS || 2 * HALF_OPEN >= SLOTS)

#if defined(COOKIES_WHEN_FULL)
#define REQUIRED (REASSEMBLED >= SLOTS || HALF_OPEN >= SLOTS)
#elif defined(HALF_OPEN_NOT_COUNTED)
#define REQUIRED (2 * REASSEMBLED >= SLOTS)
#else
#define REQUIRED SCARCE
#endif

#ifdef COOKIES_WHEN_FULL
#define REQUIRED_LATE true /* that strangers take slots is no news then, but what it does to others */
#else
#define REQUIRED_LATE false
#endif

#ifdef NO_COOKIE_CHECK
#define STRANGER_PASSES(first_piece, cookie_of_another_source) true
#elif defined(COOKIE_IN_FIRST_PIECE)
#define STRANGER_PASSES(first_piece, cookie_of_another_source) (!REQUIRED || !first_piece)
#elif defined(COOKIE_OF_ANY_SOURCE)
#define STRANGER_PASSES(first_piece, cookie_of_another_source) (!REQUIRED || cookie_of_another_source)
#else
#define STRANGER_PASSES(first_piece, cookie_of_another_source) (!REQUIRED)
#endif

#ifdef ANSWER_FIRST_PIECE
#define COMPLETE true
#else
#define COMPLETE (pieces == 3)
#endif

/* --- strangers --- */

/* Takes a slot for reassembly. */
inline strangers_first_piece(cookie_of_another_source) {
  if
  :: STRANGER_PASSES(true, cookie_of_another_source) ->
     must(no_slot_for_a_source_that_never_got_a_cookie, !SCARCE || REQUIRED_LATE);
     if
     :: REASSEMBLED < SLOTS -> strangers_reassembled++
     :: else /* never, but in mutations */
     fi
  :: else /* a cookie is sent, to nobody */
  fi
}

/* Makes it a half-open handshake. */
inline strangers_second_piece(cookie_of_another_source) {
  if
  :: STRANGER_PASSES(false, cookie_of_another_source) ->
     must(no_slot_for_a_source_that_never_got_a_cookie, !SCARCE || REQUIRED_LATE);
     if
     :: HALF_OPEN < SLOTS -> strangers_reassembled--; strangers_half_open++
     :: else /* never, but in mutations */
     fi
  :: else
  fi
}

active proctype Strangers() {
end:
  do
  :: atomic { true -> strangers_first_piece(false) }
  :: atomic { true -> strangers_first_piece(true) }
  :: atomic { strangers_reassembled > 0 -> strangers_second_piece(false) }
  :: atomic { strangers_reassembled > 0 -> strangers_second_piece(true) }
  /* A datagram of the honest initiator, once more, from the stranger's own address. */
  :: atomic { salt_seen ->
#ifdef NO_SALT_FILTER
       must(a_replayed_datagram_is_not_answered, false)
#else
       skip
#endif
     }
  od
}

/* --- the honest initiator, and what the responder does with its datagrams --- */

inline receive_piece(piece) {
  salt_seen = true;
  if
  :: REQUIRED && !has_cookie -> cookie = true                                                           /* 7 */
  :: else ->
     if
     :: half_open -> skip /* message 2 is sent again */                                                  /* 8 */
     :: else ->
        if
        :: pieces == 0 && REASSEMBLED >= SLOTS ->                                                        /* 9 */
           must(a_right_cookie_finds_a_free_slot, !has_cookie) /* never */
        :: else ->
           pieces = pieces | (1 << piece);
           if
           :: COMPLETE ->
              must(nothing_is_answered_to_an_incomplete_message, pieces == 3);
              pieces = 0;
              must(a_right_cookie_finds_a_free_slot, HALF_OPEN < SLOTS);                                 /* 10 */
              half_open = true
           :: else
           fi
        fi
     fi
  fi
}

active proctype Honest() {
end:
  do
  :: atomic { true -> receive_piece(0) }
  :: atomic { true -> receive_piece(1) }
  :: atomic { cookie -> cookie = false; has_cookie = true }
  od
}

/* --- slots end --- */

active proctype Timers() {
end:
  do
  :: atomic { strangers_reassembled > 0 -> strangers_reassembled-- } /* 3 s */
  :: atomic { strangers_half_open > 0 -> strangers_half_open-- }     /* 10 s */
  :: pieces != 0 -> pieces = 0
  :: half_open -> half_open = false
  od
}
