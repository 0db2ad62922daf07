// SPDX-License-Identifier: MIT
// Goal: a session takes any datagram without fault; strangers change nothing; a peer that holds the keys can say
// anything and gets exactly what the spec says for it. Method: the input is a schedule: raw datagrams, damaged packets
// and packets with any content sealed under the right key, and passing time. For sealed contents a second reading of
// the frames, written here from docs/spec/03-session.md, foretells what reaches the sink and how the session goes on.
#include <deque>

#include "fuzz/input.hpp"
#include "session/session.hpp"
#include "session/test_established.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using session::Session;

struct Indexes final : handshake::IndexAllocator {
  std::uint32_t allocate() override { return next++; }
  void release(std::uint32_t index) override { REQUIRE(index >= 100 && index < next); }
  std::uint32_t next = 1000;
};

// What frames did, as the spec says or as the session did it.
struct Effects {
  std::vector<Bytes> streams;
  std::vector<Bytes> datagrams;
  std::vector<std::uint64_t> tokens;
  std::vector<std::pair<std::uint8_t, Bytes>> requests;
  std::optional<CloseReason> closed;
  bool by_peer = false;
  friend bool operator==(const Effects&, const Effects&) = default;
};

struct Recorder final : session::FrameSink {
  void on_stream_frame(TimePoint, BytesView body) override { effects.streams.push_back(fuzz::copy(body)); }
  void on_datagram_frame(TimePoint, BytesView body) override { effects.datagrams.push_back(fuzz::copy(body)); }
  void on_path_frame(TimePoint, const wire::PathFrame& frame) override { effects.tokens.push_back(frame.token); }
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t method, BytesView body) override {
    effects.requests.emplace_back(method, fuzz::copy(body));
    if (method % 2 == 0) return std::nullopt;
    return fuzz::copy(body);
  }
  void on_control_answer(TimePoint, std::uint32_t id, BytesView) override { answers.push_back(id); }
  Effects effects;
  std::vector<std::uint32_t> answers;
};

// What the session, the responder, has read of the first message of a key update.
struct Rekey {
  std::optional<TimePoint> confirmed;  // when the first packet came
  std::array<bool, 2> halves{};

  // A REKEY frame. False: it breaks the protocol, as it must in the end: who does not run the exchange can not make a
  // message that is authentic.
  bool foretell(TimePoint now, BytesView body) {
    if (body.size() < 5 || body[0] > std::byte{1}) return false;
    const auto epoch = load_be<std::uint32_t>(body.subspan<1, 4>());
    if (epoch == 0 || epoch >= 0x8000'0000) return true;  // an old one
    if (epoch != 1) return false;
    if (now < *confirmed + std::chrono::seconds(5)) return true;
    if (body.size() != 5 + 626) return false;
    halves[std::to_integer<std::size_t>(body[0])] = true;
    return !halves[0] || !halves[1];
  }
};

Effects foretell(TimePoint now, BytesView content, Rekey& rekey) {
  Effects effects;
  const auto protocol = [&] {
    effects.closed = CloseReason::protocol;
    return effects;
  };
  while (!content.empty()) {
    const auto type = std::to_integer<unsigned>(content[0]);
    std::size_t head = 1, length = content.size() - 1;
    if ((type & 0x40) != 0) {
      if (content.size() < 3) return protocol();
      head = 3;
      length = std::to_integer<unsigned>(content[1]) * 256 + std::to_integer<unsigned>(content[2]);
      if (length > content.size() - 3) return protocol();
    }
    const BytesView body = content.subspan(head, length);
    content = content.subspan(head + length);
    switch (type & 0x3f) {
      case 0:
        break;
      case 1:
        if (body.empty()) return protocol();
        effects.streams.push_back(fuzz::copy(body));
        break;
      case 2:
        if (body.size() < 6 || body.size() > 262 || body[0] > std::byte{1}) return protocol();
        if (body[0] == std::byte{1}) break;
        // "Are you there" it answers itself.
        if (body[5] != std::byte{session::kMethodAreYouThere} || body.size() != 6) {
          effects.requests.emplace_back(std::to_integer<std::uint8_t>(body[5]), fuzz::copy(body.subspan(6)));
        }
        break;
      case 4:
        if (!rekey.foretell(now, body)) return protocol();
        break;
      case 5:
        if (body.size() != 9 || body[0] > std::byte{1}) return protocol();
        effects.tokens.push_back(load_be<std::uint64_t>(body.subspan<1, 8>()));
        break;
      case 8:
        if (body.size() < 4) return protocol();
        effects.datagrams.push_back(fuzz::copy(body));
        break;
      case 3:
        if (body.size() != 2) return protocol();
        effects.closed = static_cast<CloseReason>(load_be<std::uint16_t>(body.first<2>()));
        effects.by_peer = true;
        return effects;
      default:
        if ((type & 0x80) != 0) return protocol();
    }
  }
  return effects;
}

class Pair {
 public:
  explicit Pair(const handshake::Suite& suite)
      : peer_(session::established_for_test(true, suite.id), indexes_, random_, {}, now_),
        session_(session::established_for_test(false, suite.id), indexes_, random_, {}, now_) {}

  void step(fuzz::Input& input) {
    switch (input.u8() % 7) {
      case 0: {  // a stranger's bytes; with luck to the right index
        Bytes datagram = fuzz::copy(input.bytes(input.u16() % (session::kPacketSizeMax + 2)));
        refused(std::move(datagram));
        break;
      }
      case 1: {  // a peer without manners
        const std::size_t size = input.u16() % (session::kPacketSizeMax - session::kPacketOverhead + 1);
        sealed(input.bytes(size));
        break;
      }
      case 2: {  // damage on the way
        if (last_.empty()) break;
        Bytes damaged = last_;
        fuzz::damage(input, damaged);
        if (damaged != last_) refused(std::move(damaged));
        break;
      }
      case 3: {  // the same once more
        if (last_.empty() || session_.state() != Session::State::open) break;
        Bytes again = last_;
        REQUIRE(session_.receive(now_, again, sink_) == Session::Verdict::replayed);
        break;
      }
      case 4:
        now_ += std::chrono::milliseconds(input.u16());
        session_.on_deadline(now_);
        break;
      case 5:
        if (session_.state() == Session::State::open && requested_ < 1000) {
          requested_ += session_.control().request(now_, input.u8(), input.bytes(input.u8())).has_value();
        }
        break;
      case 6:
        if (session_.state() == Session::State::open) session_.close(now_, CloseReason::normal);
        break;
    }
    drain();
    REQUIRE(session_.has_keys() == (session_.state() == Session::State::open));
    REQUIRE(session_.deadline().has_value() == (session_.state() != Session::State::closed));
    REQUIRE(sink_.answers.size() <= requested_);
    REQUIRE(session_.control().open_requests() <= session::kRequestsOpenMax);
  }

  void finish() {
    for (int turns = 0; session_.state() != Session::State::closed; ++turns) {
      REQUIRE(turns < 1000);
      now_ = std::max(now_, *session_.deadline());
      session_.on_deadline(now_);
      drain();
    }
  }

 private:
  void refused(Bytes datagram) {
    const auto state = session_.state();
    const bool heard = session_.heard();
    REQUIRE(session_.receive(now_, datagram, sink_) == Session::Verdict::unauthentic);
    REQUIRE(session_.state() == state && session_.heard() == heard);
    nothing_happened();
  }

  // No key of these three sessions is ever replaced.
  bool keys_live() const { return now_ < TimePoint{} + session::kKeyAgeMax; }

  void sealed(BytesView content) {
    if (!keys_live()) return;
    Bytes packet(content.size() + session::kPacketOverhead);
    std::copy(content.begin(), content.end(), packet.begin() + session::kHeaderSize);
    REQUIRE(peer_.seal(now_, packet, content.size(), false) == packet.size());
    last_ = packet;
    const auto before = session_.state();
    const auto verdict = session_.receive(now_, packet, sink_);
    if (before != Session::State::open) {
      REQUIRE(verdict == Session::Verdict::unauthentic && session_.state() == before);
      return nothing_happened();
    }
    REQUIRE(verdict == Session::Verdict::accepted && session_.heard());
    if (!rekey_.confirmed) rekey_.confirmed = now_;
    const Effects expected = foretell(now_, content, rekey_);
    REQUIRE(sink_.effects.streams == expected.streams && sink_.effects.requests == expected.requests);
    REQUIRE(sink_.effects.datagrams == expected.datagrams && sink_.effects.tokens == expected.tokens);
    if (expected.closed) {
      REQUIRE(session_.state() == (expected.by_peer ? Session::State::closed : Session::State::closing));
      REQUIRE(session_.close_reason() == *expected.closed && session_.closed_by_peer() == expected.by_peer);
    } else {
      REQUIRE(session_.state() == Session::State::open);
    }
    sink_.effects = {};
  }

  void nothing_happened() { REQUIRE(sink_.effects == Effects{}); }

  // What the session sends in turn must be authentic packets to the peer, and few.
  void drain() {
    for (int packets = 0;; ++packets) {
      REQUIRE(packets <= 40);
      Bytes buffer(session::kPacketSizeDefault);
      buffer.resize(session_.poll_transmit(now_, buffer));
      if (buffer.empty()) return;
      REQUIRE(load_be<std::uint32_t>(BytesView(buffer).first<4>()) == 100);
      Recorder at_peer;
      if (peer_reader_.state() == Session::State::open && keys_live()) {
        REQUIRE(peer_reader_.receive(now_, buffer, at_peer) == Session::Verdict::accepted);
        if (session_.state() == Session::State::closing) {
          REQUIRE(peer_reader_.closed_by_peer() && peer_reader_.close_reason() == session_.close_reason());
        }
      }
    }
  }

  TimePoint now_{};
  Indexes indexes_;
  sim::SeededRandom random_{1};
  Session peer_;     // seals what the input says
  Session session_;  // the one that is looked at
  Session peer_reader_{session::established_for_test(true), indexes_, random_, {}, now_};
  Recorder sink_;
  Rekey rekey_;
  Bytes last_;  // the last good packet
  std::size_t requested_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Pair pair(*handshake::find_suite(1));
  fuzz::run(input, pair);
  pair.finish();
  return 0;
}
