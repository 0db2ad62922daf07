// SPDX-License-Identifier: MIT
// The keys of a session: one set to send with, and one to receive with for each epoch that packets may still come from.
// Spec: docs/spec/03-session.md, sections 1 and 9.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: owns its keys and wipes each as soon as it is not needed; gives its
// indexes back to the IndexAllocator, which outlives it. Memory: 3 KiB; a second set to receive with, 2.5 KiB, from the
// making of new keys to the end of the grace period.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "handshake/established.hpp"
#include "session/key_update.hpp"
#include "session/packet_cipher.hpp"
#include "session/receiver_index.hpp"
#include "session/replay_window.hpp"

namespace quantumgate::session {

class KeyEpochs {
 public:
  KeyEpochs(const handshake::Established& established, handshake::IndexAllocator& indexes);

  // PacketCipher::seal() under the newest keys that the peer surely has. Only if has_keys(), as open().
  void seal(MutableBytesView buffer, std::size_t content_size) {
    sending_->cipher.seal(sending_->index, sending_->packets++, buffer, content_size);
    sending_->bytes += content_size + kPacketOverhead;
  }

  enum class Verdict : std::uint8_t { accepted, unauthentic, replayed };
  struct Opened {
    Verdict verdict;
    bool first = false;          // of its epoch: the peer has these keys
    bool newest = false;         // nothing that was sent later has arrived
    MutableBytesView content{};  // inside the packet
  };
  // The first packet of a new epoch makes it the one that is sent with, and begins the grace period of the one before.
  Opened open(TimePoint now, MutableBytesView packet);

  // New keys: to receive with beside the old ones; to send with `at_once`, or when a first packet under them has come.
  void add(KeyUpdate::NewKeys keys, bool at_once);
  // Wipes all keys. The indexes stay: a closing session still answers under them.
  void wipe() noexcept;

  std::optional<TimePoint> deadline() const noexcept { return grace_end_; }
  void on_deadline(TimePoint now);

  bool has_keys() const noexcept { return sending_ != nullptr; }
  // How many sets of keys there are to receive with: 1 but for the time around an update.
  std::size_t receiving_count() const noexcept;
  // Packets and bytes sealed with the key that is sent with, and opened with the one of the peer.
  std::uint64_t packets_sent() const noexcept { return sending_->packets; }
  std::uint64_t bytes_sent() const noexcept { return sending_->bytes; }
  std::uint64_t packets_received() const noexcept { return current_->window.next(); }
  std::uint64_t bytes_received() const noexcept { return current_->bytes; }
  // Packets to an index of ours that did not open, under one key: the greatest number.
  std::uint64_t forgeries() const noexcept { return forgeries_max_; }

 private:
  struct Sending {
    Sending(const handshake::Suite& suite, const Secret<32>& secret, std::uint32_t index);
    std::uint32_t index;  // the peer's
    PacketCipher cipher;
    std::uint64_t packets = 0;  // also the next counter
    std::uint64_t bytes = 0;
  };
  struct Receiving {
    Receiving(const handshake::Suite& suite, const Secret<32>& secret, ReceiverIndex index);
    ReceiverIndex index;
    std::optional<PacketCipher> cipher;
    ReplayWindow window;
    std::uint64_t bytes = 0;
    std::uint64_t forgeries = 0;
  };

  Receiving* find(std::uint32_t index) const noexcept;
  void take_over(TimePoint now);

  const handshake::Suite& suite_;
  std::unique_ptr<Sending> sending_, next_sending_;
  std::unique_ptr<Receiving> current_, next_, old_;
  std::uint64_t forgeries_max_ = 0;
  std::optional<TimePoint> grace_end_;  // of old_
};

}  // namespace quantumgate::session
