// SPDX-License-Identifier: MIT
/// \file
/// The library for programs in C, and for whatever else can call C. C99 or later. Not included by quantumgate.h.
///
/// **Stability.** What is declared here keeps its meaning and its binary form: a program built with this header runs
/// with every later library of the same soname. Structures that a program sets up begin with their own size; later
/// versions append members. Set them up with the macro QG_INIT: `qg_node_options options = QG_INIT(qg_node_options);`
/// If the program knows more members than the library they must be zero, else it is ::QG_UNSUPPORTED; if it knows
/// fewer, the rest are taken as zero, which always means the default.
///
/// **Errors.** Functions that can fail return a ::qg_error, ::QG_OK if all went well; then, and only then, they have
/// written what they give back. Below, errors are named in lower case and without "QG_". A null pointer where
/// one is not allowed is ::QG_INVALID_ARGUMENT. No C++ exception leaves
/// the library; if memory runs out the program ends.
///
/// **Threads.** Each node has a thread of its own, on which every callback comes, one at a time; a callback must not
/// block. Functions marked "node's thread" are called in a callback of that node, or in work given to qg_node_post();
/// anywhere else they return ::QG_INVALID_ARGUMENT and do nothing. Functions marked "not the node's thread" wait; in a
/// callback they return ::QG_WOULD_DEADLOCK. All others may be called on any thread.
///
/// **Ownership.** What a function gives back through a pointer to a pointer belongs to the caller, who gives it back
/// with the function named there. What a callback gets is borrowed for the call, except for streams. Texts are UTF-8
/// and end with a zero byte; they are copied, as are bytes to send. A `context` is handed to callbacks as it is.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "quantumgate/export.h"

/// \def QG_NOEXCEPT
/// Says to C++ that no exception comes out.
/// \def QG_INIT
/// Sets a structure that begins with its size to its defaults: all else is zero.
#ifdef __cplusplus
#define QG_NOEXCEPT noexcept
extern "C" {
#else
#define QG_NOEXCEPT
#endif
#define QG_INIT(type) \
  { .size = sizeof(type) }

/// What went wrong. The numbers are those of quantumgate::ErrorCode; later versions may add some.
enum {
  QG_OK = 0,                 ///< nothing
  QG_INVALID_ARGUMENT = 1,   ///< the caller broke what is asked for here
  QG_MALFORMED = 2,          ///< bytes or text that do not follow their format
  QG_BAD_CHECK_GROUP = 3,    ///< an address with a typing error
  QG_NOT_AUTHENTIC = 4,      ///< a tag, signature or hash does not match
  QG_WRONG_PASS_PHRASE = 5,  ///< the key file opens with another pass phrase, or is damaged
  QG_TOO_OPEN = 6,           ///< a secret file that others may read
  QG_EXISTS = 7,             ///< would overwrite something
  QG_NOT_FOUND = 8,          ///< the named thing does not exist
  QG_PERMISSION_DENIED = 9,  ///< the system refused
  QG_ADDRESS_IN_USE = 10,    ///< the port belongs to another program
  QG_NO_SPACE = 11,          ///< disk or quota is full
  QG_WOULD_BLOCK = 12,       ///< a bounded queue is full; try again when it has drained
  QG_LIMIT = 13,             ///< a stated bound was reached
  QG_TIMED_OUT = 14,         ///< no answer within the time limit
  QG_NO_ANSWER = 15,         ///< a dialled peer did not answer
  QG_CLOSED = 16,            ///< this side closed it
  QG_CLOSED_BY_PEER = 17,    ///< the peer closed it
  QG_RESET = 18,             ///< the peer broke off the stream
  QG_UNSUPPORTED = 19,       ///< not built in, or a structure from a later version of this header
  QG_WOULD_DEADLOCK = 20,    ///< a call that waits, on the thread that must do the work
  QG_INTEGRITY = 21,         ///< data arrived but its digest differs
  QG_SYSTEM = 22             ///< any other error of the operating system
};
/// One of the numbers above.
typedef int32_t qg_error;

/// A short English name of `error`, e.g. "no space left". Static lifetime; never null.
QG_EXPORT const char* qg_describe(qg_error error) QG_NOEXCEPT;
/// The version of the library that runs, e.g. "0.1.0". Static lifetime.
QG_EXPORT const char* qg_version(void) QG_NOEXCEPT;

// --- Identity ---

/// The id of a peer; compare them with memcmp().
typedef struct qg_uuid {
  uint8_t bytes[16];  ///< in the order in which they are written
} qg_uuid;

/// Room for a UUID as text, with the zero byte at its end.
enum { QG_UUID_TEXT_SIZE = 37 };

/// Reads the 36-character form, either case. Errors: malformed.
QG_EXPORT qg_error qg_uuid_parse(const char* text, qg_uuid* uuid) QG_NOEXCEPT;
/// Writes the 36-character form, in lower case, and a zero byte.
QG_EXPORT void qg_uuid_format(const qg_uuid* uuid, char text[QG_UUID_TEXT_SIZE]) QG_NOEXCEPT;

/// The key pair of a node. Secret; wiped when it is freed.
typedef struct qg_identity qg_identity;

/// A fresh random identity. Give it back with qg_identity_free().
QG_EXPORT qg_error qg_identity_generate(qg_identity** identity) QG_NOEXCEPT;
/// Reads a key file. `pass_phrase` null: it must have been saved without one. With one it costs about 0.3 s and 256
/// MiB. Errors: not_found, permission_denied, too_open, malformed, wrong_pass_phrase, limit, system. Give it back with
/// qg_identity_free().
QG_EXPORT qg_error qg_identity_load(const char* file, const char* pass_phrase, qg_identity** identity) QG_NOEXCEPT;
/// Writes a new key file, mode 0600, synced; never overwrites. `pass_phrase` null: only the file mode protects the key.
/// Errors: exists, not_found (no such folder), permission_denied, no_space, limit, system.
QG_EXPORT qg_error qg_identity_save(const qg_identity* identity, const char* file, const char* pass_phrase) QG_NOEXCEPT;
/// The UUID that follows from the key.
QG_EXPORT qg_error qg_identity_uuid(const qg_identity* identity, qg_uuid* uuid) QG_NOEXCEPT;
/// Null is allowed.
QG_EXPORT void qg_identity_free(qg_identity* identity) QG_NOEXCEPT;

// --- Privacy ---

/// What is done to the sizes of packets. Each hides more than the one before it, and costs more.
enum {
  QG_PADDING_NONE = 0,     ///< sizes show what is sent
  QG_PADDING_RANDOM = 1,   ///< each packet is filled up by a random number of bytes
  QG_PADDING_CLASSES = 2,  ///< to the next of a few sizes
  QG_PADDING_FULL = 3      ///< all packets have the full size
};

/// Packets that carry nothing. To everybody but the two nodes they look like all others; so they need padding.
enum {
  QG_COVER_OFF = 0,       ///< none
  QG_COVER_POISSON = 1,   ///< at random moments, beside what there is to send
  QG_COVER_ADAPTIVE = 2,  ///< as constant, but the clock doubles its rate again and again while much is to be sent
  QG_COVER_CONSTANT = 3   ///< one packet at each tick of a clock, and what there is to send takes the place of cover
};

/// What is hidden from whoever watches the network, at a cost in bytes and in time. All zero but the size: level 1,
/// nothing, for nothing. A session asks its peer to do the same for the packets that go back.
typedef struct qg_privacy {
  size_t size;      ///< QG_INIT sets it
  int32_t padding;  ///< of each packet
  int32_t cover;    ///< needs a padding
  /// Between two packets: with QG_COVER_CONSTANT always, with QG_COVER_ADAPTIVE at most, 1 ms to 1 s; with
  /// QG_COVER_POISSON on average, 1 ms to 60 s. Without cover 0.
  uint64_t cover_interval_us;
  uint32_t delay_max_ms;  ///< what there is to send waits for a random time up to this, 0 to 1 s; not with a clock
  uint32_t handshake_jitter_ms;  ///< messages of handshakes wait for a random time up to this, 0 to 2 s
  uint32_t key_update_min_s;     ///< keys are replaced at a random moment after this, 10 s to 20 min; 0: 300
  uint32_t key_update_max_s;     ///< and before this, at least key_update_min_s, up to 20 min; 0: 1200
} qg_privacy;

/// Writes the set of that level, 1 to 5, into `privacy`, which QG_INIT has set up. 1 nothing. 2 sizes fall into
/// classes. 3 all packets have the full size, some cover, small delays. 4 one full packet every 50 ms in each
/// direction, more only while much is sent. 5 one every 20 ms, whatever is sent. Errors: invalid_argument (no such
/// level), unsupported (the level needs a member that the program's structure does not have).
QG_EXPORT qg_error qg_privacy_level(int32_t level, qg_privacy* privacy) QG_NOEXCEPT;
/// Null if `privacy` can be used; else which rule it breaks and what would be right: an English sentence or two without
/// the last full stop. Static lifetime.
QG_EXPORT const char* qg_privacy_problem(const qg_privacy* privacy) QG_NOEXCEPT;
/// 1 to 5 if `privacy` is the set of that level; 0: a custom one, or none that can be used.
QG_EXPORT int32_t qg_privacy_level_of(const qg_privacy* privacy) QG_NOEXCEPT;

// --- Nodes ---

/// A node: the local end of everything.
typedef struct qg_node qg_node;
/// A stream: bytes in both directions, reliable and in order.
typedef struct qg_stream qg_stream;

/// How the datagrams of a session travel.
enum {
  QG_TRANSPORT_UDP = 0,  ///< as a rule
  QG_TRANSPORT_TCP = 1   ///< because UDP does not get through at the moment
};

/// What a node knows about a peer it has a session with.
typedef struct qg_peer {
  size_t size;              ///< of the structure, as the library knows it; members behind it do not exist
  qg_uuid uuid;             ///< who it is
  const char* endpoint;     ///< where its datagrams come from, e.g. "127.0.0.1:5000"
  int outgoing;             ///< not zero: this node dialled
  int post_quantum;         ///< not zero: the key exchange has a post-quantum part
  uint64_t round_trip_ns;   ///< smoothed; zero until measured
  uint64_t bytes_sent;      ///< UDP payload of this session
  uint64_t bytes_received;  ///< UDP payload of this session
  int32_t transport;        ///< by what its datagrams come
  int peer_follows;  ///< not zero: it shapes what it sends no less than is wished here; also if nothing is wished
  const qg_privacy* privacy;    ///< how packets to it are shaped: the wish of this side and its own, joined
  uint64_t cover_bytes_sent;    ///< in packets that carry nothing; part of bytes_sent
  uint64_t padding_bytes_sent;  ///< in packets that carry something; part of bytes_sent
  uint64_t key_updates;         ///< how often the session's keys have been replaced
  uint64_t key_age_ns;          ///< since the newest keys were made
  uint64_t packet_size;         ///< bytes of the largest packets to it now
} qg_peer;

/// A service of a node. Callbacks may be null; they come on the node's thread.
typedef struct qg_extender {
  size_t size;              ///< QG_INIT sets it
  const char* name;         ///< what both sides agree on: 1 to 64 characters of a-z 0-9 . - /
  void* context;            ///< handed to every callback
  size_t message_size_max;  ///< the largest message sent or taken, in bytes: 1 to 16 MiB; 0: 1 MiB
  int never_compress;       ///< not zero: nothing that this extender sends is compressed

  /// The first callback, before qg_node_start() returns. `node` outlives all others.
  void (*on_start)(void* context, qg_node* node);
  /// The node stops. Streams are closed next.
  void (*on_stop)(void* context);
  /// A session with `peer` exists now.
  void (*on_peer_up)(void* context, const qg_peer* peer);
  /// The session with `peer` is over; `reason` is a number of quantumgate::CloseReason.
  void (*on_peer_down)(void* context, const qg_peer* peer, int32_t reason);
  /// A message: whole, in order per peer and priority.
  void (*on_message)(void* context, const qg_uuid* peer, const void* bytes, size_t size);
  /// Messages to `peer` that were refused with QG_WOULD_BLOCK may be tried again.
  void (*on_message_room)(void* context, const qg_uuid* peer);
  /// A datagram: whole, perhaps out of order, never repeated.
  void (*on_datagram)(void* context, const qg_uuid* peer, const void* bytes, size_t size);
  /// The peer opened a stream. Not zero: you take it, and give it back with qg_stream_release(). Zero: you refuse it.
  int (*on_stream)(void* context, qg_stream* stream);
} qg_extender;

/// How severe a log line is.
enum { QG_LOG_DEBUG = 0, QG_LOG_INFO = 1, QG_LOG_WARNING = 2, QG_LOG_ERROR = 3 };

/// How a node is set up. All zero but the size: it can dial, and nobody can dial it.
typedef struct qg_node_options {
  size_t size;                   ///< QG_INIT sets it
  const char* const* listen;     ///< `listen_count` texts like "0.0.0.0:5000" or "[::]:5000"; port 0 takes a free one
  size_t listen_count;           ///< at most 8
  const char* network;           ///< nodes of another name can not talk to this one; 1 to 64 bytes; null: "quantumgate"
  const uint8_t* shared_secret;  ///< 32 bytes: only nodes that hold the same can talk to this one. Null: none
  uint32_t sessions_max;         ///< sessions at the same time, 1 to 65536; 0: 4096
  uint32_t packet_size_max;      ///< bytes of the largest packets to try on a path, 1232 to 1472; 0: 1472
  void* log_context;             ///< handed to `log`

  /// Null, or called for each log line, on the node's thread.
  void (*log)(void* log_context, int32_t level, const char* area, const char* line);

  const qg_privacy* privacy;  ///< of all sessions that are given nothing else. Null: level 1
  /// Cover that peers may ask of this node for its sessions with them, all together, in bytes per second; a single one
  /// gets at most a quarter. Who asks for more is refused. 0: 1 MiB.
  uint64_t cover_for_peers_max;
  int never_cover_for_peers;  ///< not zero: peers that ask for cover are refused
  int never_tcp;              ///< not zero: TCP does not carry what UDP does not
} qg_node_options;

/// Starts a node. `options` may be null; so may `extenders` if `extender_count` is 0. Nothing of what is passed is
/// needed afterwards. Errors: address_in_use, permission_denied, invalid_argument (an option out of its range, a name
/// twice), malformed (in `listen`), unsupported, system. Give it back with qg_node_stop().
QG_EXPORT qg_error qg_node_start(const qg_identity* identity, const qg_node_options* options,
                                 const qg_extender* const* extenders, size_t extender_count,
                                 qg_node** node) QG_NOEXCEPT;
/// Stops the node, waits for its last callback, and frees it. Null is allowed. Not the node's thread.
QG_EXPORT qg_error qg_node_stop(qg_node* node) QG_NOEXCEPT;

/// The UUID of the node.
QG_EXPORT qg_error qg_node_uuid(const qg_node* node, qg_uuid* uuid) QG_NOEXCEPT;
/// Writes the node's address, "qg://...", into `text`, cut short if it needs more than `size` bytes with the zero byte.
/// Returns how many it needs; 0 if `node` is null. `text` may be null if `size` is 0.
QG_EXPORT size_t qg_node_address(const qg_node* node, char* text, size_t size) QG_NOEXCEPT;
/// Runs `work` on the node's thread, in the order of the calls. Dropped if the node stops before.
QG_EXPORT qg_error qg_node_post(qg_node* node, void (*work)(void* context), void* context) QG_NOEXCEPT;

/// How a peer is dialled.
typedef struct qg_connect_options {
  size_t size;             ///< QG_INIT sets it
  uint32_t time_limit_ms;  ///< 100 ms to 5 min; 0: 10 s
  /// Null, or instead of the node's own; a session that is there already takes it over.
  const qg_privacy* privacy;
} qg_connect_options;

/// What became of a dial. `peer` is null if `error` is not QG_OK.
typedef void (*qg_connected)(void* context, qg_error error, const qg_peer* peer);
/// Dials `address`. `options` may be null. `done` is called once, on the node's thread, unless the node stops before:
/// QG_OK (at once if a session exists), no_answer, closed_by_peer, not_found (name resolution), invalid_argument (a
/// time limit out of its range, the node's own address). Errors, after which `done` is not called: malformed,
/// bad_check_group, unsupported, invalid_argument (the privacy; qg_privacy_problem() says why).
QG_EXPORT qg_error qg_node_connect(qg_node* node, const char* address, const qg_connect_options* options,
                                   qg_connected done, void* context) QG_NOEXCEPT;
/// The same, waiting. `peer` may be null. Not the node's thread. Errors: those of both, and timed_out, closed.
QG_EXPORT qg_error qg_node_connect_wait(qg_node* node, const char* address, const qg_connect_options* options,
                                        qg_uuid* peer) QG_NOEXCEPT;
/// Closes the session with `peer`. Node's thread. Errors: not_found (no session).
QG_EXPORT qg_error qg_node_disconnect(qg_node* node, const qg_uuid* peer) QG_NOEXCEPT;
/// Calls `see` for each peer with a session, in the order of their UUIDs, before it returns. `see` may call what is for
/// the node's thread. Node's thread.
QG_EXPORT qg_error qg_node_peers(qg_node* node, void (*see)(void* context, const qg_peer* peer),
                                 void* context) QG_NOEXCEPT;

/// Another shape for all sessions that have none of their own, and for those to come. Node's thread. Errors:
/// invalid_argument (qg_privacy_problem() says why), unsupported.
QG_EXPORT qg_error qg_node_set_privacy(qg_node* node, const qg_privacy* privacy) QG_NOEXCEPT;
/// A shape of its own for the session with `peer`, as long as that lives. Node's thread. Errors: not_found (no
/// session), and as above.
QG_EXPORT qg_error qg_node_set_peer_privacy(qg_node* node, const qg_uuid* peer, const qg_privacy* privacy) QG_NOEXCEPT;
/// Writes the one of the node into `privacy`, which QG_INIT has set up. Node's thread. Errors: unsupported (it has what
/// the program's structure has no member for).
QG_EXPORT qg_error qg_node_privacy(const qg_node* node, qg_privacy* privacy) QG_NOEXCEPT;

// --- Messages and datagrams ---

/// What goes first when several things wait.
enum {
  QG_PRIORITY_EXPEDITED = 0,  ///< before everything else
  QG_PRIORITY_NORMAL = 1,     ///< for most things
  QG_PRIORITY_DELAYED = 2     ///< only when nothing else waits
};

/// What became of a message: QG_OK when the peer's node has all of it.
typedef void (*qg_message_sent)(void* context, qg_error error);
/// Queues a message of `size` bytes to the extender `extender` of a connected peer. `done` may be null; it is called
/// once, on the node's thread, never inside this call: QG_OK, closed, closed_by_peer, timed_out, not_found (the peer
/// runs no such extender), limit (longer than the peer takes), reset. Node's thread. Errors, after which nothing is
/// queued: not_found (no session), would_block (on_message_room follows), limit (longer than message_size_max),
/// invalid_argument (not a name, not a priority).
QG_EXPORT qg_error qg_send_message(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes,
                                   size_t size, int32_t priority, qg_message_sent done, void* context) QG_NOEXCEPT;
/// The same with normal priority, waiting until the peer's node has the message, for room too. `time_limit_ms` 0: 10 s.
/// Not the node's thread. Errors: those of both but for would_block, and timed_out (it may still arrive), closed.
QG_EXPORT qg_error qg_send_message_wait(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes,
                                        size_t size, uint32_t time_limit_ms) QG_NOEXCEPT;
/// Queues a datagram; it overtakes all else and may get lost. Node's thread.
/// Errors: not_found (no session), limit (longer than qg_datagram_size_max()), would_block, invalid_argument.
QG_EXPORT qg_error qg_send_datagram(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes,
                                    size_t size) QG_NOEXCEPT;
/// The longest datagram to `peer` now, in bytes; it may change with the path. Node's thread. Errors: not_found.
QG_EXPORT qg_error qg_datagram_size_max(qg_node* node, const qg_uuid* peer, size_t* size) QG_NOEXCEPT;

// --- Streams ---

/// What a stream tells. Callbacks may be null; they come on the node's thread.
typedef struct qg_stream_callbacks {
  size_t size;    ///< QG_INIT sets it
  void* context;  ///< handed to every callback

  /// Bytes or the end arrived.
  void (*on_readable)(void* context, qg_stream* stream);
  /// There is room again after a short write.
  void (*on_writable)(void* context, qg_stream* stream);
  /// The last callback. QG_OK: both directions were finished and all of this side arrived. Else: reset (the peer broke
  /// it off; `code` says why), closed_by_peer, closed, timed_out, malformed.
  void (*on_closed)(void* context, qg_stream* stream, qg_error error, uint64_t code);
} qg_stream_callbacks;

/// Opens a stream to the extender `extender` of a connected peer. Never waits. Node's thread.
/// Errors: not_found (no session), limit (256 are open), invalid_argument (not a name).
/// Give it back with qg_stream_release().
QG_EXPORT qg_error qg_stream_open(qg_node* node, const qg_uuid* peer, const char* extender,
                                  qg_stream** stream) QG_NOEXCEPT;
/// Sets what is called; replaces what was set before. Node's thread. Errors: unsupported.
QG_EXPORT qg_error qg_stream_listen(qg_stream* stream, const qg_stream_callbacks* callbacks) QG_NOEXCEPT;
/// Who is at the other end.
QG_EXPORT qg_error qg_stream_peer(const qg_stream* stream, qg_uuid* peer) QG_NOEXCEPT;
/// Takes as much of `bytes` as there is room for, at most 1 MiB not yet sent, and says in `written` how much
/// that was; after a short write on_writable follows. Node's thread. Errors: closed.
QG_EXPORT qg_error qg_stream_write(qg_stream* stream, const void* bytes, size_t size, size_t* written) QG_NOEXCEPT;
/// No more will be written; what was written is still delivered. Node's thread. Errors: closed.
QG_EXPORT qg_error qg_stream_finish(qg_stream* stream) QG_NOEXCEPT;
/// Breaks the stream off in both directions; the peer sees `code`, 256 and up. Node's thread. Errors: closed.
QG_EXPORT qg_error qg_stream_reset(qg_stream* stream, uint64_t code) QG_NOEXCEPT;
/// Moves at most `size` received bytes into `bytes` and says in `read` how many. `at_end`, which may be null, is not
/// zero once the peer has finished and everything was read. Node's thread. Also works on a closed stream: it has ended.
QG_EXPORT qg_error qg_stream_read(qg_stream* stream, void* bytes, size_t size, size_t* read, int* at_end) QG_NOEXCEPT;
/// Gives the stream back; no callback comes after that. If it is still open: when it was finished, what was written is
/// still delivered and what still arrives is thrown away; else it is broken off. Null is allowed. Node's thread, or any
/// after the node has stopped.
QG_EXPORT qg_error qg_stream_release(qg_stream* stream) QG_NOEXCEPT;

#ifdef __cplusplus
}
#endif
