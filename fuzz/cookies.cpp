// SPDX-License-Identifier: MIT
// Goal: a responder whose slots are half full takes up a message only from who shows the cookie that was sent to just
// that endpoint and index, and not too long ago; it asks nobody for a second one who shows such a cookie; it answers
// with no more than three times the bytes of each endpoint, and its tables keep to their bounds.
// Method: the fuzzer has all keys. Pieces of a true message 1, with headers and cookies as the input says: right ones,
// those of others, old ones, damaged ones; copies of what was sent; time that passes. A list of the cookies that were
// sent is the model.
#include <deque>

#include "fuzz/input.hpp"
#include "handshake/responder.hpp"
#include "sim/random.hpp"
#include "sim/stranger.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::handshake;
using namespace std::chrono_literals;

constexpr std::size_t kSlots = 4;
constexpr std::size_t kStepsMax = 200;  // fewer than salts that are kept, so that the filter never asks for cookies
constexpr std::size_t kSources = 3;
constexpr Duration kCookieSurelyTaken = 120s, kCookieNeverTaken = 240s;  // docs/spec/02-handshake.md, section 6
constexpr UnixTime kWallStart{1'790'000'000};

class Indexes final : public IndexAllocator {
 public:
  std::uint32_t allocate() override { return ++last_; }
  void release(std::uint32_t) override {}

 private:
  std::uint32_t last_ = 0x10000;
};

struct SentCookie {
  std::size_t source;
  std::uint32_t sender_index;
  wire::Cookie cookie;
  TimePoint at;
};

// What never changes: making it takes as long as a thousand datagrams.
struct Fixed {
  sim::SeededRandom random{3};
  Credentials credentials{Identity::generate(), "fuzz", nullptr, all_suites(), {}};
  OuterKeys keys = OuterKeys::derive(credentials.shared_secret(), credentials.uuid(), credentials.network_hash());
  std::vector<OpenedDatagram> message1;

  Fixed() {
    sim::Stranger stranger(credentials.uuid(), "fuzz", random);
    for (const Bytes& datagram : stranger.message1(kWallStart)) {
      message1.push_back(*open_datagram(keys.to_responder, false, datagram));
    }
  }
};

class Flood {
 public:
  Flood(const Fixed& fixed, Credentials& credentials)
      : fixed_(fixed), responder_(credentials, kOptions, indexes_, random_) {}

  void step(fuzz::Input& input) {
    switch (input.u8() % 8) {
      case 0:
        pass(std::chrono::milliseconds(input.u16()));
        break;
      case 1:
        pass(std::chrono::seconds(input.u8()));
        break;
      case 2:
        if (!sent_.empty()) give(input.u8() % kSources, sent_[input.u8() % sent_.size()]);
        break;
      default:
        send_piece(input);
    }
  }

 private:
  static constexpr Responder::Options kOptions{
      .reassembly_slots = kSlots, .half_open_slots = kSlots, .salts_max = 2 * kStepsMax};

  static Path path(std::size_t source) {
    return Path(Endpoint::v4(10, 0, static_cast<std::uint8_t>(source), 1, 5000), 0);
  }

  void pass(Duration time) {
    now_ += time;
    if (const auto deadline = responder_.deadline(); deadline && *deadline <= now_) responder_.on_deadline(now_);
  }

  UnixTime wall() const { return kWallStart + std::chrono::duration_cast<UnixTime>(now_ - TimePoint{}); }

  void send_piece(fuzz::Input& input) {
    const std::uint8_t how = input.u8();
    const OpenedDatagram& true_piece = fixed_.message1[how % fixed_.message1.size()];
    wire::SealedHeader header = true_piece.header;
    header.time = static_cast<std::uint32_t>(wall().count());
    header.message_id = input.u8() % 8;
    header.sender_index = 1 + input.u8() % 3;
    const std::size_t source = input.u8() % kSources;
    if (how & 0x10) header.time += static_cast<std::uint32_t>(static_cast<std::int16_t>(input.u16()));
    if (how & 0x20 && !cookies_.empty()) header.cookie = cookies_[input.u8() % cookies_.size()].cookie;
    if (how & 0x40) header.cookie[input.u8() % header.cookie.size()] ^= std::byte{input.u8()};
    if (how & 0x80) {  // any byte of the header
      Bytes bytes = wire::encode(header);
      bytes[input.u8() % bytes.size()] ^= std::byte{input.u8()};
      header = *wire::decode<wire::SealedHeader>(bytes, "fuzzing");
    }
    const Sent sent{header, seal_datagram(fixed_.keys.to_responder, std::nullopt, header, true_piece.piece, random_)};
    if (sent_.size() < 16) sent_.push_back(sent);
    give(source, sent);
  }

  struct Sent {
    wire::SealedHeader header;
    Bytes datagram;
  };

  void give(std::size_t source, const Sent& sent) {
    const bool asks = responder_.cookies_required(now_);
    const Responder::Counters before = responder_.counters();
    const std::size_t slots = responder_.reassembling();
    received_[source] += sent.datagram.size();
    responder_.receive_first(now_, wall(), path(source), sent.datagram);
    const Responder::Counters& after = responder_.counters();

    const std::uint64_t dropped = (after.malformed - before.malformed) + (after.unauthentic - before.unauthentic) +
                                  (after.replayed - before.replayed) + (after.clock - before.clock) +
                                  (after.no_cookie - before.no_cookie) + (after.trial_limit - before.trial_limit) +
                                  (after.start_limit - before.start_limit) + (after.full - before.full);
    REQUIRE(dropped <= 1);
    const bool taken_up = after.started > before.started || responder_.reassembling() > slots;
    if (asks && taken_up) REQUIRE(was_sent(source, sent.header, kCookieNeverTaken));
    if (!asks || was_sent(source, sent.header, kCookieSurelyTaken)) REQUIRE(after.no_cookie == before.no_cookie);
    take_answers();
    REQUIRE(responder_.reassembling() <= kSlots && responder_.half_open() <= kSlots);
    REQUIRE(responder_.memory_bytes() <= kSlots * (kHalfOpenBytesMax + 5 * 1024));
  }

  bool was_sent(std::size_t source, const wire::SealedHeader& header, Duration age) const {
    return std::ranges::any_of(cookies_, [&](const SentCookie& sent) {
      return sent.source == source && sent.sender_index == header.sender_index && sent.cookie == header.cookie &&
             now_ - sent.at < age;
    });
  }

  void take_answers() {
    while (const auto transmit = responder_.poll_transmit()) {
      const std::size_t source = std::to_integer<std::size_t>(transmit->path.remote.ip[14]);
      REQUIRE(source < kSources && transmit->path == path(source));
      answered_[source] += transmit->datagram.size();
      REQUIRE(answered_[source] <= 3 * received_[source]);
      const auto opened = open_datagram(fixed_.keys.to_initiator, true, transmit->datagram);
      REQUIRE(opened.has_value());
      if (opened->header.type != wire::SealedType::cookie) continue;
      const std::uint32_t index = load_be<std::uint32_t>(BytesView(transmit->datagram).first<4>());
      cookies_.push_front({source, index, opened->header.cookie, now_});
    }
  }

  const Fixed& fixed_;
  sim::SeededRandom random_{1};
  Indexes indexes_;
  Responder responder_;
  TimePoint now_{};
  std::vector<Sent> sent_;
  std::deque<SentCookie> cookies_;  // the newest first; at most one for each step
  std::array<std::uint64_t, kSources> received_{}, answered_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixed fixed;
  fuzz::Input input(data, size);
  Flood flood(fixed, fixed.credentials);
  fuzz::run(input, flood, kStepsMax);
  return 0;
}
