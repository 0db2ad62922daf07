// SPDX-License-Identifier: MIT
// The responder's side of all handshakes of a node: bounded tables that strangers may fill and nobody can overfill.
// Spec: docs/spec/02-handshake.md, sections 5 and 6.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows Credentials, IndexAllocator and RandomSource, which outlive it.
// Memory: kReassemblySlots x 5 KiB, kHalfOpenSlots x 16 KiB, as many finished handshakes of 100 bytes, the salt filter
// (24 MiB), two budgets (256 KiB each).
#pragma once

#include <deque>
#include <map>

#include "base/buffered_random.hpp"
#include "handshake/cookie_jar.hpp"
#include "handshake/established.hpp"
#include "handshake/fair_budget.hpp"
#include "handshake/salt_filter.hpp"
#include "handshake/sealed_datagram.hpp"
#include "handshake/transmit.hpp"

namespace quantumgate::handshake {

// Gives out indexes that are in use nowhere else in the node.
class IndexAllocator {
 public:
  virtual ~IndexAllocator() = default;
  virtual std::uint32_t allocate() = 0;  // never 0
  virtual void release(std::uint32_t index) = 0;
};

class Responder {
 public:
  struct Options {
    std::size_t reassembly_slots = kReassemblySlots;
    std::size_t half_open_slots = kHalfOpenSlots;
    std::size_t salts_max = kSaltsMax;
    bool hidden = false;  // silence, too, for a dialling node whose clock is wrong
  };
  // Each datagram that is not used is counted once.
  struct Counters {
    std::uint64_t malformed = 0;    // no size that a message could have
    std::uint64_t unauthentic = 0;  // no key of ours opens it, or what it says is not true
    std::uint64_t replayed = 0;
    std::uint64_t clock = 0;
    std::uint64_t no_cookie = 0;    // none, or a wrong one, while cookies were required
    std::uint64_t trial_limit = 0;  // more datagrams of strangers than we try to open
    std::uint64_t start_limit = 0;  // more handshakes begun than we answer
    std::uint64_t full = 0;         // no room to hold a packet that overtook message 3
    std::uint64_t cookies_sent = 0;
    std::uint64_t started = 0;  // message 2 was made
    std::uint64_t evicted = 0;  // unfinished handshakes that made room for newer ones
    std::uint64_t completed = 0;
  };

  Responder(Credentials& credentials, Options options, IndexAllocator& indexes, RandomSource& random);
  ~Responder();

  // A datagram whose first bytes are no index in use.
  void receive_first(TimePoint now, UnixTime wall_clock, const Path& from, BytesView datagram);
  // A datagram to an index that this object has allocated: message 3, or a packet that overtook it.
  void receive_indexed(TimePoint now, UnixTime wall_clock, std::uint32_t index, BytesView datagram);

  std::optional<Transmit> poll_transmit();        // call until empty
  std::optional<Established> poll_established();  // call until empty; its local index now belongs to the caller
  // The local index of a session whose message 3 came again: its initiator has not heard of us yet.
  std::optional<std::uint32_t> poll_unconfirmed();

  // When to call on_deadline; may be earlier than need be, never later.
  std::optional<TimePoint> deadline() const { return deadline_; }
  void on_deadline(TimePoint now);

  const Counters& counters() const noexcept { return counters_; }
  bool cookies_required(TimePoint now) const noexcept;
  std::size_t reassembling() const noexcept { return reassembling_.size(); }
  std::size_t half_open() const noexcept { return half_open_.size(); }
  std::size_t memory_bytes() const;  // of the handshakes that strangers have begun
  // Of what is kept about datagrams and prefixes beside them.
  std::size_t filter_bytes() const noexcept {
    return salts_.memory_bytes() + trials_.memory_bytes() + starts_.memory_bytes();
  }

 private:
  struct Reassembly {
    PieceCollector collector;
    std::uint32_t sender_index;
    std::uint8_t suite;
    std::size_t bytes_received;
    TimePoint started;
  };
  struct HalfOpen {
    NoiseHandshake noise;
    const Suite* suite;
    Path path;
    std::uint32_t message1_id;
    std::uint32_t message2_id;
    std::uint32_t initiator_handshake_index;
    std::uint32_t initiator_session_index;
    std::uint32_t session_index;
    Bytes message2;
    std::size_t bytes_received;
    std::size_t bytes_sent = 0;
    TimePoint started;                        // first piece of message 1
    TimePoint made;                           // message 2 sent first
    TimePoint sent;                           // message 2 sent last
    std::optional<PieceCollector> collector;  // of message 3
    std::vector<Bytes> held;
  };
  struct Finished {
    std::uint32_t session_index;
    TimePoint expires;
    TimePoint told;  // when it was last reported as unconfirmed
  };
  using HalfOpenKey = std::pair<Path, std::uint32_t>;  // source and message id

  void send_cookie(UnixTime wall_clock, const Path& to, const wire::SealedHeader& about, const wire::Cookie& cookie);
  void collect_message1(TimePoint now, UnixTime wall_clock, const Path& from, const OpenedDatagram& opened,
                        std::size_t datagram_size);
  void make_reassembly_room();
  void make_half_open_room();
  void read_message1(TimePoint now, UnixTime wall_clock, const Path& from, const Reassembly& reassembly,
                     BytesView message);
  void send_message2(TimePoint now, UnixTime wall_clock, std::uint32_t index, HalfOpen& half_open);
  void receive_message3(TimePoint now, UnixTime wall_clock, std::uint32_t index, HalfOpen& half_open,
                        BytesView datagram);
  void hold(HalfOpen& half_open, BytesView packet);
  void finish(TimePoint now, std::uint32_t index, HalfOpen& half_open, const PeerKey& peer,
              wire::Introduction introduction);
  void forget_half_open(std::uint32_t index, bool session_survives);

  Credentials& credentials_;
  Options options_;
  IndexAllocator& indexes_;
  RandomSource& random_;
  BufferedRandom salt_source_;
  Guarded<OuterKeys> keys_;
  SaltFilter salts_;
  CookieJar cookies_;
  FairBudget trials_;
  FairBudget starts_;
  Counters counters_;

  std::map<Path, Reassembly> reassembling_;                   // at most options_.reassembly_slots
  std::map<std::uint32_t, HalfOpen> half_open_;               // by handshake index; at most options_.half_open_slots
  std::map<HalfOpenKey, std::uint32_t> half_open_source_;     // handshake index by message 1
  std::map<std::uint32_t, std::uint32_t> half_open_session_;  // handshake index by session index
  std::map<std::uint32_t, Finished> finished_;                // by handshake index; at most options_.half_open_slots
  std::optional<TimePoint> deadline_;
  std::deque<Transmit> outgoing_;          // drained by the caller after every call
  std::deque<Established> established_;    // likewise
  std::deque<std::uint32_t> unconfirmed_;  // likewise
};

}  // namespace quantumgate::handshake
