// SPDX-License-Identifier: MIT
// When the keys of a session are replaced, and the handshake inside the session that makes the new ones.
// Spec: docs/spec/03-session.md, section 9.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows IndexAllocator and RandomSource, which outlive it; owns the
// chain secret and wipes it. Memory: 200 bytes; at most 10 KiB while an update is under way.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "handshake/established.hpp"
#include "session/constants.hpp"
#include "session/receiver_index.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {

// When keys are replaced, and beyond what none is used. Only tests have other limits than the spec.
struct KeyLimits {
  Duration update_min = kKeyUpdateMin;
  Duration update_max = kKeyUpdateMax;
  std::uint64_t update_packets = kKeyUpdatePackets;
  std::uint64_t update_bytes = kKeyUpdateBytes;
  Duration age_max = kKeyAgeMax;
  std::uint64_t packets_max = kKeyPacketsMax;
  std::uint64_t bytes_max = kKeyBytesMax;
};

class KeyUpdate {
 public:
  // The handshake's keys are epoch 0; nobody has used them yet.
  KeyUpdate(const handshake::Established& established, handshake::IndexAllocator& indexes, RandomSource& random,
            const KeyLimits& limits, TimePoint now);

  struct NewKeys {
    handshake::NoiseSplit secrets;
    ReceiverIndex local_index;
    std::uint32_t remote_index;
  };
  // The body of a REKEY frame of the peer. Sometimes it completes new keys. The initiator sends with these from now on,
  // the responder once a packet under them has arrived: the peer surely has them then. `malformed` or `not_authentic`:
  // the peer broke the protocol.
  Result<std::optional<NewKeys>> receive(TimePoint now, BytesView body);
  // The first packet under the newest keys has arrived: the peer sends with them, too.
  void confirm(TimePoint now);

  // The newest keys were used so much that others should replace them. Again and again is no harm.
  void want(TimePoint now);
  // The responder asks for an update of the keys of `epoch`. Only if initiator() (CHECKed).
  void on_request(TimePoint now, std::uint32_t epoch);
  // True once for each time that the initiator should be asked for an update of epoch().
  bool poll_request() noexcept { return std::exchange(request_due_, false); }

  // Body of the next REKEY frame to send, written into `out` (kPacketSizeDefault bytes are enough); its size, 0 if
  // there is none. Call until 0.
  std::size_t poll_transmit(TimePoint now, MutableBytesView out);
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);

  // Another range to draw the moment of the next update from. min <= max.
  void set_times(TimePoint now, Duration min, Duration max);

  // Wipes all secrets. Afterwards only limits(), initiator(), epoch() and the times may be asked for.
  void wipe() noexcept {
    exchange_.reset();
    chain_->clear();
  }

  const KeyLimits& limits() const noexcept { return limits_; }
  bool initiator() const noexcept { return role_ == handshake::NoiseRole::initiator; }
  std::uint32_t epoch() const noexcept { return epoch_; }  // of the newest keys: how many updates there were
  TimePoint made() const noexcept { return made_; }        // when the newest keys were made
  // From when on the oldest keys that are still needed must not be used: not those of the grace period.
  TimePoint end() const noexcept { return oldest_made_ + limits_.age_max; }

 private:
  // What exists only while an update is under way.
  struct Exchange {
    std::optional<handshake::NoiseHandshake> noise;  // initiator, from message 1 to message 2
    std::optional<ReceiverIndex> index;              // likewise
    std::array<Bytes, 2> halves;                     // of the peer's message, as they arrive
    Bytes message;                                   // ours; empty as long as the responder has none
    std::array<bool, 2> half_due{};
    bool sending() const noexcept { return half_due[0] || half_due[1]; }
    std::size_t tries = 0;
    TimePoint next{};  // initiator: when it is sent again; responder: not again before
  };

  handshake::NoiseHandshake make_noise();
  void start(TimePoint now);
  // Bytes of message 1 or 2.
  std::size_t message_size(int number) const;
  // Keeps a half of the peer's message of `size` bytes. The whole when both are there; `malformed` if it is no half.
  Result<std::optional<Bytes>> collect(std::size_t size, std::size_t half, BytesView bytes);
  Result<std::optional<NewKeys>> receive_message1(TimePoint now, std::size_t half, BytesView bytes);
  Result<std::optional<NewKeys>> receive_message2(TimePoint now, std::size_t half, BytesView bytes);
  NewKeys take_keys(TimePoint now, const handshake::NoiseHandshake& noise, ReceiverIndex local_index,
                    std::uint32_t remote_index);
  TimePoint draw_due();
  // Whether an update may begin, and when it is to.
  std::optional<TimePoint> due() const;

  const handshake::NoiseRole role_;
  const handshake::Suite& suite_;
  handshake::IndexAllocator& indexes_;
  RandomSource& random_;
  KeyLimits limits_;
  const Bytes handshake_hash_;
  Guarded<Secret<32>> chain_;  // the next update's psk

  std::uint32_t epoch_ = 0;
  bool confirmed_ = false;  // a packet under the newest keys has arrived
  TimePoint confirmed_at_{};
  TimePoint made_;
  TimePoint oldest_made_;
  TimePoint due_{};  // when the next update, or the request for it, is due
  bool wanted_ = false;
  bool request_due_ = false;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace quantumgate::session
