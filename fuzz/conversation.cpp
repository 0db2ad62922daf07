// SPDX-License-Identifier: MIT
// Goal: no schedule of losses, damage, replays, forgeries and misbehaving peers breaks two nodes that talk: both ends
// agree or do not establish at all, streams carry every byte in order or break off, messages stay whole and in order,
// no datagram comes twice, bounds hold, and when the network behaves again a fresh dial succeeds.
// Method: Alice dials, Bob responds, each with the sessions that come of it, in virtual time. The input is a schedule
// of what happens to datagrams, clocks and sessions, and of what the users of streams, messages and datagrams do; for
// each dial it chooses the suite, and whether the session carries streams or messages. The adversary holds the outer
// keys (the UUID is public, no shared secret is set), sees and sends everything, and may make either end of a session
// say anything; it does not hold the identity keys. All chance is repeatable.
//
//     Alice: dials, sessions  --->  to_bob_    --->  Bob: responder, sessions
//                             <---  to_alice_  <---
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "fuzz/input.hpp"
#include "fuzz/message_traffic.hpp"
#include "fuzz/stream_traffic.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"
#include "node/datagrams.hpp"
#include "session/session.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::handshake;
using fuzz::MessageTraffic;
using fuzz::StreamTraffic;
using fuzz::Traffic;
using session::Session;
using stream::Streams;
using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 400;
constexpr std::size_t kInFlightMax = 64;
constexpr std::size_t kHistoryMax = 32;
constexpr std::size_t kDialsMax = 4;
constexpr std::size_t kSlots = 4;
constexpr std::size_t kSaltsKept = 48;
constexpr UnixTime kWallStart{1'800'000'000};
const Endpoint kAliceAt = Endpoint::v4(10, 0, 0, 1, 1111);
const Endpoint kBobAt = Endpoint::v4(10, 0, 0, 2, 2222);
constexpr std::uint8_t kEcho = 9;  // a control method of the test's own
constexpr std::uint8_t kDatagramCount = 4;
constexpr std::size_t kDatagramSizeBytes = 900;  // of the largest datagram
constexpr node::DatagramId kTalkers{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

class Indexes final : public IndexAllocator {
 public:
  explicit Indexes(std::uint32_t first) : next_(first) {}
  std::uint32_t allocate() override {
    used.insert(next_);
    return next_++;
  }
  void release(std::uint32_t index) override { REQUIRE(used.erase(index) == 1); }
  std::set<std::uint32_t> used;

 private:
  std::uint32_t next_;
};

// Those of one session: what comes to them is for it. Key updates bring new ones.
class OwnIndexes final : public IndexAllocator {
 public:
  OwnIndexes(Indexes& all, std::uint32_t first) : all_(all), own_{first} {}
  std::uint32_t allocate() override { return *own_.insert(all_.allocate()).first; }
  void release(std::uint32_t index) override {
    REQUIRE(own_.erase(index) == 1);
    all_.release(index);
  }
  bool contains(std::uint32_t index) const { return own_.contains(index); }

 private:
  Indexes& all_;
  std::set<std::uint32_t> own_;
};

// Identities and static keys, made once: they cost more than all the rest and do not depend on the input.
struct Party {
  Party(std::uint8_t number, const Bytes& suites)
      : identity(Identity::from_seed(seed(number))),
        credentials(identity, "fuzz", nullptr, suites, Streams::encoded_parameters(StreamTraffic::limits())) {
    sim::SeededRandom random(number);
    for (const std::byte suite : suites) {
      const auto algorithm = find_suite(std::to_integer<std::uint8_t>(suite))->algorithms.dh;
      static_cast<void>(credentials.static_key(algorithm, random, kWallStart));
    }
  }
  static Secret<32> seed(std::uint8_t number) {
    std::array<std::byte, 32> bytes;
    bytes.fill(std::byte{number});
    return Secret<32>(bytes);
  }
  Identity identity;
  Credentials credentials;
};
// Alice has one suite at a time: two who share a better one than they use close the session.
Party& alice_party(std::uint8_t suite) {
  static std::map<std::uint8_t, Party> parties;
  return parties.try_emplace(suite, std::uint8_t{1}, Bytes{std::byte{suite}}).first->second;
}
Party& bob_party() {
  static Party party(2, all_suites());
  return party;
}

struct Datagram {
  Path from;
  Bytes bytes;
};

// The side of a session's end, as StreamTraffic numbers them.
constexpr int kAlice = 0;
constexpr int kBob = 1;

// One end of a session, with its streams.
struct End final : session::FrameSink {
  End(const Established& established, int which, std::shared_ptr<Traffic> users, Indexes& all_indexes,
      RandomSource& random, TimePoint now)
      : indexes(all_indexes, established.local_index),
        session(established, indexes, random, {}, now),
        streams(which == kAlice ? stream::Role::initiator : stream::Role::responder, StreamTraffic::limits(),
                established.stream_parameters, random),
        traffic(std::move(users)),
        side(which),
        local_index(established.local_index),
        remote_index(established.remote_index) {
    traffic->attach(side, &streams);
  }
  ~End() override { traffic->attach(side, nullptr); }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void on_stream_frame(TimePoint now, BytesView body) override {
    REQUIRE(!body.empty());
    streams.receive(now, body);
  }
  void on_path_frame(TimePoint, const wire::PathFrame&) override {}
  void on_datagram_frame(TimePoint, BytesView body) override {
    REQUIRE(body.size() >= wire::kDatagramIdSize);
    ++datagrams_received;
    if (!traffic->honest()) return;
    REQUIRE(std::ranges::equal(body.first(kTalkers.size()), kTalkers));
    body = body.subspan(kTalkers.size());
    REQUIRE(body.size() >= 4);
    const auto number = load_be<std::uint32_t>(body.first<4>());
    REQUIRE(number < traffic->datagrams_sent(1 - side) && datagrams_seen.insert(number).second);
    REQUIRE(std::ranges::equal(body, datagram(number, body.size() - 4)));
  }
  static Bytes datagram(std::uint32_t number, std::size_t size) {
    Bytes bytes(4 + size, static_cast<std::byte>(number * 7));
    store_be(number, std::span(bytes).first<4>());
    return bytes;
  }
  void send_datagram(std::size_t size) {
    std::uint32_t& number = traffic->datagrams_sent(side);
    const auto queued = datagrams.send(kTalkers, datagram(number, size));
    if (queued) {
      ++number;
    } else {
      REQUIRE(queued.error().code == ErrorCode::would_block);
    }
  }
  // As Connection::ask_for_count.
  void ask_for_count(TimePoint now) {
    if (count_request || !datagrams.window().wants_count(now)) return;
    datagrams.window().asked(now);
    const auto id = session.control().request(now, kDatagramCount, {});
    if (id) {
      count_request = *id;
    } else {
      datagrams.window().unanswered();
    }
  }
  std::optional<Bytes> on_control_request(TimePoint now, std::uint8_t method, BytesView body) override {
    REQUIRE(body.size() <= wire::kControlBodyMax);
    if (method == kEcho) return fuzz::copy(body);
    if (method == kDatagramCount && body.empty()) {
      Bytes count(sizeof datagrams_received);
      store_be(datagrams_received, std::span(count).first<sizeof datagrams_received>());
      return count;
    }
    if (method < 1 || method > 3 || body.size() != 1) return std::nullopt;
    const stream::SignalRequest signal{static_cast<stream::Signal>(method), std::to_integer<std::uint8_t>(body[0])};
    return Bytes{static_cast<std::byte>(streams.on_signal(now, signal))};
  }
  void on_control_answer(TimePoint now, std::uint32_t id, BytesView body) override {
    if (id == count_request) {
      count_request.reset();
      const bool is_count = body.size() == sizeof(std::uint64_t);
      REQUIRE(is_count || peer_hostile);
      if (!is_count) return datagrams.window().unanswered();
      datagrams.window().counted(now, load_be<std::uint64_t>(body.first<sizeof(std::uint64_t)>()));
      return;
    }
    const auto request = asked.extract(id);
    REQUIRE(!request.empty());
    if (const auto& signal = request.mapped()) {
      if (body.size() != 1) {
        REQUIRE(peer_hostile);
        streams.on_signal_failed(now, *signal);
      } else {
        streams.on_signal_answer(now, *signal, static_cast<stream::SignalAnswer>(body[0]));
      }
      return;
    }
    // An end asks with its first index as the body, so a right answer is known.
    if (!peer_hostile) REQUIRE(body.size() == 4 && load_be<std::uint32_t>(body.first<4>()) == local_index);
    ++answered;
  }

  OwnIndexes indexes;
  Session session;
  Streams streams;
  std::shared_ptr<Traffic> traffic;  // with the other end
  node::Datagrams datagrams;
  std::optional<std::uint32_t> count_request;
  std::uint64_t datagrams_received = 0;
  std::set<std::uint32_t> datagrams_seen;
  int side;
  std::uint32_t local_index, remote_index;                              // those of the handshake
  std::map<std::uint32_t, std::optional<stream::SignalRequest>> asked;  // open requests: a signal, or an echo
  std::size_t answered = 0;                                             // echoes
  bool peer_hostile = false;  // the schedule made the other end say something of its own
  bool closed_on_purpose = false;
};
using Ends = std::map<std::uint32_t, std::unique_ptr<End>>;  // by the local index of the handshake

struct Dial {
  std::uint8_t suite;
  bool messages;  // does the session carry messages, or streams?
  std::uint32_t handshake_index;
  std::uint32_t session_index;
  bool established = false;
  std::unique_ptr<Initiator> initiator;
};

// The newest header that went one way, and where it went: forgeries that fit begin with it.
struct Seen {
  wire::SealedHeader header;
  Bytes piece;
  std::uint32_t index = 0;
};

class World {
 public:
  explicit World(std::uint8_t seed)
      : choice_(seed),
        random_(seed),
        keys_(
            OuterKeys::derive(SharedSecret(), bob_party().credentials.uuid(), bob_party().credentials.network_hash())),
        responder_(bob_party().credentials,
                   {.reassembly_slots = kSlots, .half_open_slots = kSlots, .salts_max = kSaltsKept}, bob_indexes_,
                   random_) {
    dial(choice_);
  }

  void step(fuzz::Input& input) {
    const std::uint8_t what = input.u8();
    switch (what % 22) {
      case 0:
      case 1:
        deliver(toward(what), 0);
        break;
      case 2:  // out of order
        deliver(toward(what), input.u8());
        break;
      case 3:
        take(toward(what), input.u8());
        break;
      case 4: {  // twice
        if (const auto datagram = take(toward(what), input.u8())) {
          put(toward(what), *datagram);
          put(toward(what), *datagram);
        }
        break;
      }
      case 5:
      case 6:
        if (auto datagram = take(toward(what), input.u8())) {
          fuzz::damage(input, datagram->bytes);
          put(toward(what), std::move(*datagram));
        }
        break;
      case 7: {  // a tap repeats what it recorded, from here or elsewhere
        if (history_.empty()) break;
        const auto& [to_bob, recorded] = history_[input.u8() % history_.size()];
        put(to_bob, {source(input, recorded.from), recorded.bytes});
        break;
      }
      case 8:
        advance(std::chrono::milliseconds(input.u8()));
        break;
      case 9:
        advance(std::chrono::milliseconds(100) * input.u8());
        break;
      case 10: {  // rubbish, to an index in use or to none
        const bool to_bob = toward(what);
        Bytes bytes = fuzz::copy(input.bytes(input.u16() % 1500));
        const auto& used = to_bob ? bob_indexes_.used : alice_indexes_.used;
        if (const std::uint8_t choice = input.u8(); choice % 2 != 0 && bytes.size() >= 4 && !used.empty()) {
          store_be(*std::next(used.begin(), choice / 2 % used.size()), std::span(bytes).first<4>());
        }
        put(to_bob, {source(input, to_bob ? kAliceAt : kBobAt), std::move(bytes)});
        break;
      }
      case 11:
      case 12:
        forge(input, toward(what));
        break;
      case 13:
        misbehave(input, toward(what));
        break;
      case 14:
        if (End* end = choose(toward(what), input.u8())) {
          end->session.close(now_, CloseReason::normal);
          end->closed_on_purpose = true;
        }
        break;
      case 15:
        if (End* end = choose(toward(what), input.u8())) ask(*end);
        break;
      case 16:
        dial(input.u8());
        break;
      case 17:
        settle();
        break;
      case 18:  // Bob's clock is set; by at most 600 s in all
        bob_clock_off_ = UnixTime(static_cast<std::int8_t>(input.u8()) * 4);
        break;
      case 19: {
        const std::uint8_t choice = input.u8();
        End* const end = choose(toward(what), choice);
        if (end == nullptr) break;
        if (choice < 128) {
          end->session.send_keepalive();
        } else {
          end->send_datagram(input.u16() % kDatagramSizeBytes);
        }
        break;
      }
      case 20:
      case 21:
        if (const End* end = choose(toward(what), input.u8())) end->traffic->act(input, end->side);
        break;
    }
    run();
    check();
  }

  // The network behaves again: everything arrives, and a fresh dial must work. In the end nothing is left behind.
  void finish() {
    settle();
    for (auto& datagrams : in_flight_) datagrams.clear();
    // What is under way comes to its end: a dial may take 10 s, what Bob keeps of it as long again.
    for (int seconds = 0; seconds < 25; ++seconds) {
      advance(1s);
      settle();
      check();
    }
    REQUIRE(dials_.empty() && responder_.half_open() == 0 && responder_.reassembling() == 0);
    // While the salt filter is full, a node whose clock is wrong is not told so.
    if (bob_clock_off_ != UnixTime(0)) advance(kSaltLifetime + 120s);

    const std::uint32_t index = dial(choice_);
    REQUIRE(index != 0);
    for (int tries = 0; !dials_.empty(); ++tries) {
      REQUIRE(tries < 100);
      settle();
      check();
      if (!dials_.empty()) advance(100ms);
    }
    const auto ours = alice_.find(index);
    REQUIRE(ours != alice_.end() && ours->second->session.state() == Session::State::open);
    const auto theirs = bob_.find(ours->second->remote_index);
    REQUIRE(theirs != bob_.end() && theirs->second->session.state() == Session::State::open);
    ask(*ours->second);
    ask(*theirs->second);
    for (End* end : {ours->second.get(), theirs->second.get()}) end->send_datagram(kDatagramSizeBytes);
    settle();
    REQUIRE(ours->second->answered == 1 && theirs->second->answered == 1);
    REQUIRE(ours->second->datagrams_seen.size() == 1 && theirs->second->datagrams_seen.size() == 1);
    Traffic& traffic = *ours->second->traffic;
    traffic.say(kAlice);
    for (int tries = 0; !traffic.wind_up(); ++tries) {
      REQUIRE(tries < 100);
      settle();
      advance(10ms);
    }
    REQUIRE(traffic.honest());

    for (auto* ends : {&alice_, &bob_}) {
      for (auto& [local_index, end] : *ends) {
        end->session.close(now_, CloseReason::shutting_down);
        end->closed_on_purpose = true;
      }
    }
    for (int seconds = 0; seconds < 25; ++seconds) {
      settle();
      advance(1s);
    }
    check();
    REQUIRE(alice_.empty() && bob_.empty() && dials_.empty());
    REQUIRE(alice_indexes_.used.empty() && bob_indexes_.used.empty());
    REQUIRE(responder_.memory_bytes() == 0 && !responder_.deadline());
  }

 private:
  static bool toward(std::uint8_t what) { return what / 22 % 2 == 0; }  // to Bob?
  std::deque<Datagram>& queue(bool to_bob) { return in_flight_[to_bob ? 0 : 1]; }

  static Path source(fuzz::Input& input, const Path& usual) {
    const std::uint8_t choice = input.u8();
    if (choice < 128) return usual;
    return Endpoint::v4(10, 9, 9, choice % 8, 9);
  }

  UnixTime alice_wall() const { return kWallStart + std::chrono::duration_cast<UnixTime>(now_.time_since_epoch()); }
  UnixTime bob_wall() const { return alice_wall() + bob_clock_off_; }

  // --- the network ---

  void put(bool to_bob, Datagram datagram) {
    if (queue(to_bob).size() < kInFlightMax) queue(to_bob).push_back(std::move(datagram));
  }

  // What one of the two sends: recorded on its way.
  void send(bool to_bob, Datagram datagram) {
    const Secret<32>& key = to_bob ? keys_.to_responder : keys_.to_initiator;
    for (const bool indexed : {false, true}) {
      if (const auto opened = open_datagram(key, indexed, datagram.bytes)) {
        Seen& seen = seen_[to_bob ? 0 : 1];
        seen.header = opened->header;
        seen.piece = opened->piece;
        seen.index = indexed ? load_be<std::uint32_t>(BytesView(datagram.bytes).first<4>()) : 0;
      }
    }
    history_.emplace_back(to_bob, datagram);
    if (history_.size() > kHistoryMax) history_.pop_front();
    put(to_bob, std::move(datagram));
  }

  std::optional<Datagram> take(bool to_bob, std::size_t number) {
    auto& datagrams = queue(to_bob);
    if (datagrams.empty()) return std::nullopt;
    const auto chosen = datagrams.begin() + static_cast<std::ptrdiff_t>(number % datagrams.size());
    Datagram datagram = std::move(*chosen);
    datagrams.erase(chosen);
    return datagram;
  }

  void deliver(bool to_bob, std::size_t number) {
    auto datagram = take(to_bob, number);
    if (!datagram) return;
    if (to_bob) {
      give_bob(std::move(*datagram));
    } else {
      give_alice(std::move(*datagram));
    }
    run();
  }

  // Until nothing is under way. The two of them can not go on for ever without time passing.
  void settle() {
    run();
    for (int datagrams = 0; !in_flight_[0].empty() || !in_flight_[1].empty(); ++datagrams) {
      REQUIRE(datagrams < 5000);
      deliver(!in_flight_[0].empty(), 0);
    }
  }

  // --- the nodes: what src/node does, in small ---

  std::uint32_t dial(std::uint8_t choice) {
    if (dials_.size() >= kDialsMax) return 0;
    const Bytes suites = all_suites();
    auto& dial = dials_.emplace_back();
    dial.suite = std::to_integer<std::uint8_t>(suites[choice % suites.size()]);
    dial.messages = choice / suites.size() % 2 != 0;
    dial.handshake_index = alice_indexes_.allocate();
    dial.session_index = alice_indexes_.allocate();
    dial.initiator = std::make_unique<Initiator>(
        alice_party(dial.suite).credentials, Initiator::Target{bob_party().identity.uuid(), {kBobAt}, 10s}, dial.suite,
        dial.handshake_index, dial.session_index, random_, now_, alice_wall());
    return dial.session_index;
  }

  static std::uint32_t index_of(BytesView datagram) {
    return datagram.size() < 4 ? 0 : load_be<std::uint32_t>(datagram.first<4>());
  }

  void give_alice(Datagram datagram) {
    const std::uint32_t index = index_of(datagram.bytes);
    for (Dial& dial : dials_) {
      if (dial.handshake_index == index) dial.initiator->receive(now_, alice_wall(), datagram.from, datagram.bytes);
    }
    give_session(alice_, index, datagram.bytes);
  }

  void give_bob(Datagram datagram) {
    const std::uint32_t index = index_of(datagram.bytes);
    received_from_[datagram.from] += datagram.bytes.size();
    if (give_session(bob_, index, datagram.bytes)) return;
    if (bob_indexes_.used.contains(index)) {
      responder_.receive_indexed(now_, bob_wall(), index, datagram.bytes);
    } else {
      responder_.receive_first(now_, bob_wall(), datagram.from, datagram.bytes);
    }
  }

  bool give_session(Ends& ends, std::uint32_t index, Bytes& datagram) {
    const auto end = std::ranges::find_if(ends, [&](const auto& each) { return each.second->indexes.contains(index); });
    if (end == ends.end()) return false;
    end->second->session.receive(now_, datagram, *end->second);
    return true;
  }

  // Lets both nodes do what there is to do at this moment.
  void run() {
    for (auto dial = dials_.begin(); dial != dials_.end();)
      dial = run_dial(*dial) ? std::next(dial) : dials_.erase(dial);
    run_responder();
    run_ends(alice_, true);
    run_ends(bob_, false);
  }

  // False once the dial is over.
  bool run_dial(Dial& dial) {
    Initiator& initiator = *dial.initiator;
    if (auto established = initiator.take_established()) {
      REQUIRE(!dial.established && established->local_index == dial.session_index);
      REQUIRE(established->peer.uuid == bob_party().identity.uuid() && established->suite->id == dial.suite);
      dial.established = true;
      REQUIRE(
          known_to_alice_.insert({established->handshake_hash, {established->local_index, established->remote_index}})
              .second);
      std::shared_ptr<Traffic> traffic;
      if (dial.messages) {
        traffic = std::make_shared<MessageTraffic>();
      } else {
        traffic = std::make_shared<StreamTraffic>(nullptr, nullptr);
      }
      traffic->expect_loss();
      alice_.emplace(established->local_index,
                     std::make_unique<End>(*established, kAlice, std::move(traffic), alice_indexes_, random_, now_));
    }
    const auto end = alice_.find(dial.session_index);
    if (end != alice_.end() && end->second->session.heard()) initiator.confirm();
    while (auto transmit = initiator.poll_transmit()) {
      REQUIRE(transmit->path == Path(kBobAt) || dial.established);
      send(true, {kAliceAt, std::move(transmit->datagram)});
    }
    if (initiator.state() != Initiator::State::confirmed && initiator.state() != Initiator::State::failed) {
      REQUIRE(initiator.deadline());
      return true;
    }
    REQUIRE(!initiator.deadline());
    alice_indexes_.release(dial.handshake_index);
    if (end == alice_.end()) {
      if (!dial.established) alice_indexes_.release(dial.session_index);
    } else if (initiator.state() == Initiator::State::failed) {
      end->second->session.close(now_, CloseReason::internal);
      end->second->closed_on_purpose = true;
    }
    return false;
  }

  void run_responder() {
    while (auto transmit = responder_.poll_transmit()) {
      REQUIRE(transmit->datagram.size() <= kDatagramSizeMax);
      sent_to_[transmit->path] += transmit->datagram.size();
      REQUIRE(sent_to_[transmit->path] <= kAmplificationMax * received_from_[transmit->path]);
      send(false, {kBobAt, std::move(transmit->datagram)});
    }
    while (auto established = responder_.poll_established()) {
      // Only Alice herself can have made message 3, and only for a session that she established.
      const auto at_alice = known_to_alice_.find(established->handshake_hash);
      REQUIRE(at_alice != known_to_alice_.end());
      REQUIRE(at_alice->second == std::pair(established->remote_index, established->local_index));
      REQUIRE(established->peer.uuid == alice_party(established->suite->id).identity.uuid());
      REQUIRE(known_to_bob_.insert(established->handshake_hash).second);
      REQUIRE(established->held.size() <= kHeldPacketsMax);
      // Alice's end may be gone already; what it said may still come.
      const auto its_peer = alice_.find(established->remote_index);
      const std::shared_ptr<Traffic> traffic =
          its_peer == alice_.end() ? std::make_shared<StreamTraffic>(nullptr, nullptr) : its_peer->second->traffic;
      traffic->expect_loss();
      if (its_peer == alice_.end() || misbehaving_.contains(established->remote_index)) traffic->distrust();
      End& end = *bob_.emplace(established->local_index,
                               std::make_unique<End>(*established, kBob, traffic, bob_indexes_, random_, now_))
                      .first->second;
      end.peer_hostile = !traffic->honest();
      for (Bytes& packet : established->held) end.session.receive(now_, packet, end);
      end.session.send_keepalive();
    }
    while (const auto index = responder_.poll_unconfirmed()) {
      if (const auto end = bob_.find(*index); end != bob_.end()) end->second->session.send_keepalive();
    }
  }

  void run_ends(Ends& ends, bool to_bob) {
    for (auto it = ends.begin(); it != ends.end();) {
      End& end = *it->second;
      run_datagrams(end, to_bob);
      run_streams(end, to_bob);
      for (int packets = 0;; ++packets) {
        REQUIRE(packets <= 64);
        Bytes buffer(session::kPacketSizeDefault);
        buffer.resize(end.session.poll_transmit(now_, buffer));
        if (buffer.empty()) break;
        const bool first_keys = end.session.key_updates() == 0;
        REQUIRE(!first_keys || load_be<std::uint32_t>(BytesView(buffer).first<4>()) == end.remote_index);
        send(to_bob, {to_bob ? kAliceAt : kBobAt, std::move(buffer)});
      }
      while (const auto failed = end.session.control().poll_failed()) {
        if (failed->method == session::kMethodAreYouThere) continue;  // the session itself asked
        if (failed->id == end.count_request) {
          end.count_request.reset();
          end.datagrams.window().unanswered();
          continue;
        }
        const auto request = end.asked.extract(failed->id);
        REQUIRE(!request.empty());
        if (request.mapped()) end.streams.on_signal_failed(now_, *request.mapped());
      }
      if (end.session.state() == Session::State::closed) {
        it = ends.erase(it);
      } else {
        ++it;
      }
    }
  }

  void run_datagrams(End& end, bool to_bob) {
    if (end.session.state() == Session::State::open) end.ask_for_count(now_);
    for (std::size_t packets = 0; end.session.state() == Session::State::open; ++packets) {
      REQUIRE(packets <= session::kDatagramsQueuedMax);
      Bytes buffer(session::kPacketSizeDefault);
      const auto room =
          std::span(buffer).subspan(session::kHeaderSize + 1, buffer.size() - session::kPacketOverhead - 1);
      const std::size_t body = end.datagrams.poll_transmit(now_, room);
      if (body == 0) return end.ask_for_count(now_);
      buffer[session::kHeaderSize] = wire::frame_type(wire::FrameKind::datagram);
      buffer.resize(end.session.seal(now_, buffer, 1 + body, false));
      send(to_bob, {to_bob ? kAliceAt : kBobAt, std::move(buffer)});
    }
  }

  void run_streams(End& end, bool to_bob) {
    end.traffic->turn(end.side, now_);
    for (int packets = 0; end.session.state() == Session::State::open; ++packets) {
      REQUIRE(packets <= 200);
      Bytes buffer(session::kPacketSizeDefault);
      const auto room =
          std::span(buffer).subspan(session::kHeaderSize + 1, buffer.size() - session::kPacketOverhead - 1);
      const std::size_t body = end.streams.poll_transmit(now_, room);
      REQUIRE(body <= room.size());
      if (body == 0) break;
      buffer[session::kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
      buffer.resize(end.session.seal(now_, buffer, 1 + body, end.streams.awaiting_acknowledgement()));
      send(to_bob, {to_bob ? kAliceAt : kBobAt, std::move(buffer)});
    }
    end.streams.burst_sent();
    while (const auto signal = end.streams.poll_signal()) {
      if (end.session.state() != Session::State::open) continue;
      const std::array<std::byte, 1> body{std::byte{signal->generation}};
      const auto id = end.session.control().request(now_, static_cast<std::uint8_t>(signal->signal), body);
      if (id) {
        end.asked.emplace(*id, *signal);
      } else {
        end.streams.on_signal_failed(now_, *signal);
      }
    }
    end.traffic->turn(end.side, now_);
  }

  void advance(Duration by) {
    const TimePoint until = now_ + by;
    for (int turns = 0;; ++turns) {
      REQUIRE(turns < 10'000);
      TimePoint next = until;
      const auto consider = [&](const std::optional<TimePoint>& deadline) {
        if (deadline) next = std::min(next, *deadline);
      };
      for (const Dial& dial : dials_) consider(dial.initiator->deadline());
      consider(responder_.deadline());
      for (const auto* ends : {&alice_, &bob_}) {
        for (const auto& [index, end] : *ends) {
          consider(end->session.deadline());
          if (end->session.state() != Session::State::open) continue;
          consider(end->streams.deadline());
          consider(end->datagrams.deadline());
          consider(end->traffic->deadline(end->side));
        }
      }
      now_ = std::max(now_, next);
      for (const Dial& dial : dials_) dial.initiator->on_deadline(now_, alice_wall());
      responder_.on_deadline(now_);
      REQUIRE(!responder_.deadline() || *responder_.deadline() > now_);
      for (const auto* ends : {&alice_, &bob_}) {
        for (const auto& [index, end] : *ends) {
          end->session.on_deadline(now_);
          const auto deadline = end->streams.deadline();
          if (deadline && *deadline <= now_) end->streams.on_deadline(now_);
        }
      }
      run();
      if (now_ >= until) return;
    }
  }

  // --- what the schedule does to them ---

  End* choose(bool at_alice, std::size_t number) {
    Ends& ends = at_alice ? alice_ : bob_;
    if (ends.empty()) return nullptr;
    End* end = std::next(ends.begin(), static_cast<std::ptrdiff_t>(number % ends.size()))->second.get();
    return end->session.state() == Session::State::open ? end : nullptr;
  }

  void ask(End& end) {
    std::array<std::byte, 4> body;
    store_be(end.local_index, std::span<std::byte, 4>(body));
    const bool room = end.session.control().open_requests() < session::kRequestsOpenMax;
    const auto id = end.session.control().request(now_, kEcho, body);
    REQUIRE(id.has_value() == room);
    if (id) end.asked.emplace(*id, std::nullopt);
  }

  // An end of a session says anything at all, properly sealed. Its own channel knows nothing of it.
  void misbehave(fuzz::Input& input, bool at_alice) {
    End* end = choose(at_alice, input.u8());
    const BytesView content = input.bytes(input.u16() % (session::kPacketSizeDefault - session::kPacketOverhead));
    if (end == nullptr) return;
    Bytes packet(content.size() + session::kPacketOverhead);
    std::copy(content.begin(), content.end(), packet.begin() + session::kHeaderSize);
    packet.resize(end->session.seal(now_, packet, content.size(), false));
    misbehaving_.insert(end->local_index);
    Ends& others = at_alice ? bob_ : alice_;
    if (const auto other = others.find(end->remote_index); other != others.end()) other->second->peer_hostile = true;
    // What it may have asked for is answered to it.
    end->peer_hostile = true;
    end->traffic->distrust();
    send(at_alice, {at_alice ? kAliceAt : kBobAt, std::move(packet)});
  }

  // A datagram properly sealed with the outer keys: the newest true header with any fields replaced, and the newest
  // true piece, damaged, or any other.
  void forge(fuzz::Input& input, bool to_bob) {
    const Seen& seen = seen_[to_bob ? 0 : 1];
    wire::SealedHeader header = seen.header;
    const std::uint16_t replace = input.u16();
    if (replace & 0x01) header.type = static_cast<wire::SealedType>(input.u8() % 6);
    if (replace & 0x02) header.suite = input.u8();
    if (replace & 0x04) header.piece = input.u8();
    if (replace & 0x08) header.pieces = input.u8() % 8;
    if (replace & 0x10) header.time = static_cast<std::uint32_t>(bob_wall().count()) + input.u16() - 0x8000;
    if (replace & 0x20) header.sender_index = input.u32();
    if (replace & 0x40) header.message_id = input.u32();
    if (replace & 0x80) std::ranges::copy(input.bytes(16), header.cookie.begin());
    Bytes piece = seen.piece;
    if (replace & 0x100) {
      piece = fuzz::copy(input.bytes(input.u16() % (kPieceSizeMax + 1)));
      if (replace & 0x200) piece.resize(seen.piece.size());
    } else if (replace & 0x200) {
      fuzz::damage(input, piece);
    }
    piece.resize(std::min(piece.size(), kPieceSizeMax));
    std::optional<std::uint32_t> index;
    if (!to_bob || seen.index != 0) index = seen.index;
    if (replace & 0x400) index.reset();
    if (replace & 0x800) index = input.u32() % 4000;
    put(to_bob, {source(input, to_bob ? kAliceAt : kBobAt),
                 seal_datagram(to_bob ? keys_.to_responder : keys_.to_initiator, index, header, piece, random_)});
  }

  // --- what must always hold ---

  void check() const {
    REQUIRE(responder_.half_open() <= kSlots && responder_.reassembling() <= kSlots);
    constexpr std::size_t kReassemblyBytesMax = 5 * 1024, kFinishedBytesMax = 128;
    REQUIRE(responder_.memory_bytes() <= kSlots * (kHalfOpenBytesMax + kReassemblyBytesMax + kFinishedBytesMax));
    for (const auto* ends : {&alice_, &bob_}) {
      for (const auto& [index, end] : *ends) {
        REQUIRE(end->local_index == index && end->session.receiving_keys() <= 3);
        REQUIRE(end->session.has_keys() == (end->session.state() == Session::State::open));
        REQUIRE(end->asked.size() <= session::kRequestsOpenMax);
        end->traffic->check();
        // Strangers end no session: a broken protocol needs somebody who holds the keys. (A network that lets
        // everything pass but key updates can.)
        if (end->session.state() == Session::State::closing && !end->closed_on_purpose) {
          const CloseReason reason = end->session.close_reason();
          REQUIRE(reason == CloseReason::key_limit || (reason == CloseReason::protocol && end->peer_hostile));
        }
      }
    }
    // Every index in use has an owner. A session has three around a key update.
    REQUIRE(alice_indexes_.used.size() <= 3 * alice_.size() + 2 * dials_.size());
    REQUIRE(bob_indexes_.used.size() <= 3 * bob_.size() + 2 * responder_.half_open() + kSlots);
  }

  TimePoint now_{};
  UnixTime bob_clock_off_{};
  const std::uint8_t choice_;  // of suite and traffic, for the first dial and the last
  sim::SeededRandom random_;
  OuterKeys keys_;
  Indexes alice_indexes_{1000};
  Indexes bob_indexes_{2000};
  Responder responder_;
  std::deque<Dial> dials_;
  Ends alice_, bob_;
  std::array<std::deque<Datagram>, 2> in_flight_;                            // to Bob, to Alice
  std::array<Seen, 2> seen_;                                                 // likewise
  std::deque<std::pair<bool, Datagram>> history_;                            // and whether it went to Bob
  std::map<Bytes, std::pair<std::uint32_t, std::uint32_t>> known_to_alice_;  // indexes by handshake hash
  std::set<Bytes> known_to_bob_;
  std::set<std::uint32_t> misbehaving_;                  // ends of Alice's, by local index
  std::map<Path, std::size_t> received_from_, sent_to_;  // handshake bytes at Bob
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world(input.u8());
  fuzz::run(input, world, kStepsMax);
  world.finish();
  return 0;
}
