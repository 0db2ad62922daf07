// SPDX-License-Identifier: MIT
/// \file
/// A node: the local end of everything. Several may live in one process; they share nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quantumgate/address.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/export.h"
#include "quantumgate/extender.h"
#include "quantumgate/identity.h"
#include "quantumgate/log.h"
#include "quantumgate/metrics.h"
#include "quantumgate/peer.h"
#include "quantumgate/privacy.h"
#include "quantumgate/result.h"
#include "quantumgate/send_options.h"
#include "quantumgate/shared_secret.h"
#include "quantumgate/stream.h"
#include "quantumgate/suite.h"

namespace quantumgate {

/// How a node is set up. The defaults are safe: it can dial, and nobody can dial it.
struct NodeOptions {
  /// Addresses to bind, at most 8, for UDP and, unless `tcp` is off, for TCP. Port 0 takes a free port.
  std::vector<Endpoint> listen{};
  /// Nodes with another network name can not talk to this one; 1 to 64 bytes.
  std::string network = "quantumgate";
  /// Set: only nodes that hold the same secret can talk to this one, or even learn that it is there.
  std::optional<SharedSecret> shared_secret{};
  /// Sessions at the same time, 1 to 65536. Whoever comes when all places are taken is refused silently; but from a
  /// part of the network that holds few he takes the place of a session from the part that holds most, if that holds at
  /// least twice as many. Those that this node dialled are not taken from it, and are there even beyond the limit.
  std::uint32_t sessions_max = 4096;
  /// The suites to take part in, by name; their order means nothing. Two nodes use the best that both have.
  std::vector<std::string> suites = suite_names();
  /// Bytes of the largest session packet that this node tries, without IP and UDP headers; 1232 to 1472. Packets have
  /// up to 1232 bytes, which every path of IPv6 carries, until it is known what the path of a session carries: an
  /// Ethernet of 1,500 bytes 1472 by IPv4 and 1452 by IPv6. Sessions whose packets are padded stay at 1232.
  std::uint32_t packet_size_max = 1472;
  /// What is hidden from whoever watches the network, in all sessions that are given nothing else.
  Privacy privacy{};
  /// Cover that peers may ask of this node for its sessions with them, all together, in bytes per second; a single one
  /// gets at most a quarter. Who asks for more is refused. 0: none.
  std::uint64_t cover_for_peers_max = 1 << 20;
  /// Whether TCP carries what UDP does not: for peers that come by it, and for dialling them where UDP gets no answer.
  /// As soon as UDP gets through, it is used again.
  bool tcp = true;
  /// Empty: nothing is logged.
  LogSink log{};
};

/// How a peer is dialled.
struct ConnectOptions {
  /// 100 ms to 5 min.
  std::chrono::milliseconds time_limit{10'000};
  /// The suite to dial with, one of this node's; none: its best. Another one is for a peer that lacks the best and so
  /// would not answer: a session with less than the best that both nodes have is refused by both.
  std::optional<std::string> suite{};
  /// Instead of the node's own; a session that is there already takes it over.
  std::optional<Privacy> privacy{};
};

/// Counters since the start; they only grow.
struct NodeCounters {
  std::uint64_t datagrams_received = 0;        ///< UDP datagrams, whatever they were
  std::uint64_t datagrams_sent = 0;            ///< UDP datagrams
  std::uint64_t bytes_received = 0;            ///< UDP payload
  std::uint64_t bytes_sent = 0;                ///< UDP payload
  std::uint64_t dropped_malformed = 0;         ///< impossible size
  std::uint64_t dropped_unauthentic = 0;       ///< no key of ours opens it
  std::uint64_t dropped_replayed = 0;          ///< seen before
  std::uint64_t dropped_clock = 0;             ///< its time is more than 120 s from ours
  std::uint64_t dropped_no_cookie = 0;         ///< a stranger's address was not proven yet while handshakes piled up
  std::uint64_t dropped_trial_limit = 0;       ///< strangers send more datagrams than a node tries to open
  std::uint64_t dropped_start_limit = 0;       ///< strangers begin more handshakes than a node answers
  std::uint64_t dropped_full = 0;              ///< a bounded table was full
  std::uint64_t sessions_evicted = 0;          ///< ones whose place went to a peer from elsewhere
  std::uint64_t handshakes_started = 0;        ///< message 1 accepted, as responder
  std::uint64_t handshakes_completed = 0;      ///< either role
  std::uint64_t handshakes_evicted = 0;        ///< unfinished ones that made room for newer ones
  std::uint64_t cookies_sent = 0;              ///< answers under load that make a stranger prove its address
  std::uint64_t tcp_datagrams_received = 0;    ///< datagrams that came by TCP
  std::uint64_t tcp_datagrams_sent = 0;        ///< likewise
  std::uint64_t tcp_accepted = 0;              ///< TCP connections that others opened
  std::uint64_t tcp_refused = 0;               ///< TCP connections that a bound left no room for
  std::uint64_t tcp_unproven = 0;              ///< TCP connections closed because nothing authentic came by them
  std::uint64_t tcp_dropped = 0;               ///< datagrams that TCP did not take fast enough, or any more
  std::uint64_t segments_lost = 0;             ///< times that a path was found to lose segmented sends
  std::uint64_t key_updates = 0;               ///< times that the keys of a session were replaced
  std::uint64_t key_updates_failed = 0;        ///< sessions closed because their keys could not be replaced in time
  std::uint64_t moves = 0;                     ///< times that a peer was followed to another endpoint
  std::uint64_t messages_sent = 0;             ///< accepted by send_message
  std::uint64_t messages_received = 0;         ///< handed to extenders
  std::uint64_t datagram_frames_sent = 0;      ///< datagrams of extenders, accepted for sending
  std::uint64_t datagram_frames_received = 0;  ///< datagrams for extenders, taken or dropped
  std::uint64_t dropped_datagram_frames = 0;   ///< no extender of ours takes them
  std::uint64_t cover_bytes_sent = 0;          ///< UDP payload of packets that carried nothing
  std::uint64_t padding_bytes_sent = 0;        ///< UDP payload that filled up packets
};

/// A running node. Destroying it stops it.
/// Threads: it has one of its own, on which every callback comes, one at a time; none may block or throw. Each member
/// says from where it may be called. Ownership: keeps its extenders until it is destroyed, and must outlive everybody
/// who got a reference to it.
class QG_EXPORT Node {
 public:
  /// Starts a node with its own thread. Errors: address_in_use, permission_denied, invalid_argument (Error::why says
  /// which option does not fit), system.
  static Result<std::unique_ptr<Node>> start(Identity identity, NodeOptions options = {},
                                             std::vector<std::shared_ptr<Extender>> extenders = {});

  /// Stops gracefully: extenders first, then every session is closed with `shutting_down`; waits for the node's thread.
  /// Never call it on the node's thread.
  virtual ~Node() = default;

  /// \name Any thread
  /// \{

  /// That of its identity.
  virtual const PeerUuid& uuid() const noexcept = 0;
  /// UUID and bound endpoints; wildcard addresses are shown as loopback.
  virtual Address address() const = 0;
  /// Runs `work` on the node's thread, in the order of the calls. Dropped if the node has stopped.
  virtual void post(std::function<void()> work) = 0;
  /// Dials. `done` is called once on the node's thread: the peer, at once if a session exists already, or no_answer
  /// (with nobody at that place the other side's silence is the only answer), closed_by_peer, not_found (name
  /// resolution).
  virtual void connect(Address address, ConnectOptions options, std::function<void(Result<Peer>)> done) = 0;
  /// Whether the caller is on the node's thread.
  virtual bool on_node_thread() const noexcept = 0;

  /// \}
  /// \name The node's thread only
  /// In a callback, or in work given to post().
  /// \{

  /// Closes the session with `peer`; Extender::on_peer_down follows. Errors: not_found (no session).
  virtual Result<void> disconnect(const PeerUuid& peer) = 0;
  /// Another shape for all sessions that have none of their own, and for those to come. Errors: invalid_argument.
  virtual Result<void> set_privacy(const Privacy& privacy) = 0;
  /// A shape of its own for the session with `peer`, as long as that lives. Errors: not_found (no session),
  /// invalid_argument.
  virtual Result<void> set_privacy(const PeerUuid& peer, const Privacy& privacy) = 0;
  /// The one of the node.
  virtual Privacy privacy() const = 0;
  /// All peers with a session, in the order of their UUIDs.
  virtual std::vector<Peer> peers() const = 0;
  /// What was counted so far.
  virtual NodeCounters counters() const = 0;
  /// Numbers under stable names; see openmetrics_text().
  virtual std::vector<Metric> metrics() const = 0;
  /// Opens a stream to the extender `extender` of a connected peer. Never waits: bytes written before the peer's answer
  /// are sent with it. Errors: not_found (no session), limit (256 streams opened by this side are open),
  /// invalid_argument (not a name).
  virtual Result<std::shared_ptr<Stream>> open_stream(const PeerUuid& peer, const std::string& extender,
                                                      StreamOptions options = {}) = 0;
  /// Queues a message to the extender `extender` of a connected peer; `message` is copied. `done`, if given, is called
  /// once on the node's thread, never inside this call: without error when the peer's node has the whole message, or
  /// with what became of it: closed, closed_by_peer, timed_out (the session is gone; it may have arrived), not_found
  /// (the peer runs no such extender), limit (longer than the peer takes), reset. Errors, after which nothing is queued
  /// and `done` is not called: not_found (no session), would_block (at most 1 MiB and one message more wait for each
  /// extender, peer and priority; Extender::on_message_room follows when there is room), limit (longer than
  /// ExtenderOptions::message_size_max, 1 MiB if this node has no such extender; or the 256 streams of this side are
  /// open), invalid_argument (not a name).
  virtual Result<void> send_message(const PeerUuid& peer, const std::string& extender, BytesView message,
                                    SendOptions options = {}, std::function<void(Result<void>)> done = {}) = 0;
  /// For who is not the extender itself, which has Extender::on_message_room: `room` is called once on the node's
  /// thread, never inside this call, when a message that was refused with would_block may be tried again, or the
  /// session is gone. Ask in the same callback in which it was refused. `room` is forgotten when `owner` is gone
  /// before. Errors: limit (1,024 wait).
  virtual Result<void> await_message_room(const PeerUuid& peer, const std::string& extender, std::function<void()> room,
                                          std::weak_ptr<const void> owner) = 0;
  /// Queues a datagram to the extender `extender` of a connected peer; it overtakes streams and messages. It may get
  /// lost on the way. Errors: not_found (no session), limit (longer than datagram_size_max()), would_block (64 are
  /// waiting, because the path takes no more: drop it or try later), invalid_argument (not a name).
  virtual Result<void> send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram) = 0;
  /// The longest datagram that fits a packet to `peer` now, in bytes; 0 without a session. It changes with the path:
  /// the first datagram begins a search for what that carries (spec/03-session.md, section 11), and one that waits when
  /// less fits is as good as lost.
  virtual std::size_t datagram_size_max(const PeerUuid& peer) const = 0;

  /// \}

 protected:
  Node() = default;
};

}  // namespace quantumgate
