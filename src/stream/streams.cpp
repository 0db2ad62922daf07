// SPDX-License-Identifier: MIT
#include "stream/streams.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "stream/byte_queue.hpp"
#include "stream/linked_queue.hpp"
#include "stream/quic_engine.hpp"
#include "stream/quic_packet.hpp"
#include "stream/receive_window.hpp"
#include "stream/send_buffer.hpp"

namespace quantumgate::stream {

namespace {

using namespace std::chrono_literals;

// docs/spec/04-streams.md, section 10.
constexpr Duration kIdleTime = 30s;        // without a stream, before the initiator asks to end
constexpr Duration kWantedInterval = 10s;  // between requests for an engine that does not come
constexpr Duration kGoneInterval = 1s;     // between notices about packets of a lost generation

constexpr std::size_t kOwnStreamsMax = 256;  // open at the same time, opened by us

// A stream as its user sees it. Lives from open() or its first packet until its last event has been polled, or longer
// (without a user) until the engine has told the peer of its end.
struct Stream : EngineStream {
  Stream(StreamId h, bool mine, Priority its_priority, const Limits& limits)
      : handle(h),
        own(mine),
        priority(its_priority),
        out(limits.send_buffer_bytes, limits.send_buffer_bytes_max),
        window(limits.stream_window_bytes, limits.stream_window_bytes_max) {}

  bool sendable() const noexcept { return out.unsent() > 0 || (finishing && !end_sent); }

  const StreamId handle;
  const bool own;           // opened by us
  const Priority priority;  // of what we send
  std::uint64_t life = 0;   // of the engine that knows or knew it; 0 before
  SendBuffer out;
  ByteQueue in;
  ReceiveWindow window;
  bool finishing = false;       // finish() was called
  bool end_sent = false;        // the end is in a packet
  bool ended_by_peer = false;   // `in` holds all there will be
  bool complete = false;        // the engine has seen both ends acknowledged
  bool broken = false;          // reset by the peer or lost; only its events remain
  bool abandoned = false;       // the user has reset it; the engine still has to tell the peer
  bool wants_writable = false;  // a write was cut short
  bool watched = false;         // acknowledgements are announced
  bool blocked = false;         // has used up its credit
  std::uint64_t code = 0;       // why it is broken
  std::uint8_t events = 0;      // bits of Event::Kind not polled yet

  QueueLinks<Stream> opening_links, turn_links, event_links;
};

constexpr std::uint8_t bit(Event::Kind kind) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind)); }
constexpr std::uint8_t kLastEvents = bit(Event::Kind::closed) | bit(Event::Kind::reset);

Stream& of(EngineStream& stream) { return static_cast<Stream&>(stream); }

// Generations count modulo 256; one is newer than another if it follows it within half the circle.
bool is_newer(std::uint8_t generation, std::uint8_t than) {
  const auto ahead = static_cast<std::uint8_t>(generation - than);
  return ahead >= 1 && ahead <= 127;
}

}  // namespace

class Streams::State final : EngineOwner {
 public:
  State(Role role, const Limits& limits, Bytes peer_parameters, RandomSource& random)
      : role_(role),
        limits_(limits),
        peer_parameters_(std::move(peer_parameters)),
        random_(random),
        session_window_(limits.session_window_bytes, limits.session_window_bytes_max) {}

  // --- the user's side ---

  Result<StreamId> open(Priority priority) {
    if (own_count_ >= kOwnStreamsMax) return fail(ErrorCode::limit, "opening a stream");
    const StreamId handle = next_own_++ * 4 + (role_ == Role::responder ? 1 : 0);
    Stream& stream = add(handle, true, priority);
    unopened_.push_back(stream);
    update_idle();
    kick_ = true;
    return handle;
  }

  std::size_t write(StreamId handle, BytesView bytes) {
    Stream* stream = find(handle);
    if (!stream || stream->finishing || stream->broken || bytes.empty()) return 0;
    const std::size_t taken = stream->out.write(bytes);
    if (taken < bytes.size()) stream->wants_writable = true;
    if (taken > 0) take_turn(*stream);
    return taken;
  }

  std::size_t room(StreamId handle) const {
    const Stream* stream = find(handle);
    return stream && !stream->finishing && !stream->broken ? stream->out.room() : 0;
  }

  void want_room(StreamId handle) {
    Stream* stream = find(handle);
    if (stream && !stream->finishing && !stream->broken) stream->wants_writable = true;
  }

  std::size_t unacknowledged(StreamId handle) const {
    const Stream* stream = find(handle);
    return stream ? stream->out.size() : 0;
  }

  void watch_acknowledged(StreamId handle) {
    if (Stream* stream = find(handle)) stream->watched = true;
  }

  void finish(StreamId handle) {
    Stream* stream = find(handle);
    if (!stream || stream->finishing || stream->broken) return;
    stream->finishing = true;
    stream->wants_writable = false;
    take_turn(*stream);
  }

  void reset(StreamId handle, std::uint64_t code) {
    const auto entry = streams_.find(handle);
    if (entry == streams_.end()) return;
    Stream& stream = *entry->second;
    if (!stream.broken && stream.id >= 0) {
      engine_->shutdown_stream(stream, code);
      kick_ = true;
    }
    discard_received(stream);
    forget(entry);
    update_idle();
  }

  std::size_t read(StreamId handle, MutableBytesView out) {
    Stream* stream = find(handle);
    if (!stream || stream->broken) return 0;
    const std::size_t count = stream->in.read(out);
    if (count > 0 && knows(*stream)) {
      const Duration round_trip = engine_->shortest_rtt();
      engine_->credit_stream(*stream, stream->window.read(now_, count, round_trip));
      engine_->credit_session(session_window_.read(now_, count, round_trip));
      kick_ = true;
    }
    announce_close(*stream);
    return count;
  }

  std::size_t readable(StreamId handle) const {
    const Stream* stream = find(handle);
    return stream && !stream->broken ? stream->in.size() : 0;
  }

  bool at_end(StreamId handle) const {
    const Stream* stream = find(handle);
    return stream && !stream->broken && stream->ended_by_peer && stream->in.empty();
  }

  std::optional<Event> poll_event() {
    while (Stream* const next = eventful_.front()) {
      Stream& stream = *next;
      for (const auto kind : {Event::Kind::opened, Event::Kind::readable, Event::Kind::writable,
                              Event::Kind::acknowledged, Event::Kind::closed, Event::Kind::reset}) {
        if (!(stream.events & bit(kind))) continue;
        stream.events = static_cast<std::uint8_t>(stream.events & ~bit(kind));
        if (stream.events == 0) eventful_.remove(stream);
        const Event event{kind, stream.handle, kind == Event::Kind::reset ? stream.code : 0};
        if (bit(kind) & kLastEvents) forget(streams_.find(stream.handle));
        return event;
      }
      eventful_.remove(stream);
    }
    return std::nullopt;
  }

  bool has_events() const noexcept { return !eventful_.empty(); }

  // --- the session's side ---

  void receive(TimePoint now, BytesView body) {
    tick(now);
    if (body.size() < 2) return;
    const auto generation = std::to_integer<std::uint8_t>(body[0]);
    BytesView datagram = body.subspan(1);
    std::array<std::byte, kInitialDatagramSize> padded;
    const bool opening = begins_with_initial(datagram);
    if (opening) {
      if (datagram.size() > kInitialDatagramSize) return;
      datagram = with_padding(datagram, padded);
    }
    if (engine_ && generation == generation_) {
      feed(datagram);
    } else if (role_ == Role::responder && opening && is_newer(generation, generation_)) {
      if (engine_) lose_engine();
      generation_ = generation;
      ++life_;
      wanted_out_ = false;
      engine_ = QuicEngine::create_server(now_, limits_, room_, random_, *this);
      feed(datagram);
    } else if (!engine_ && life_ > 0 && generation == generation_) {
      want_gone();
    }
    // Anything else is late from an older life, or ahead of the packet that opens a newer one, which is repeated.
  }

  std::size_t poll_transmit(TimePoint now, MutableBytesView out) {
    tick(now);
    kick_ = false;
    if (out.size() < kRoomMin) return 0;
    room_ = out.size() - 1;
    start_engine();
    if (!engine_) return 0;
    settle();
    open_waiting();
    std::size_t size = 0;
    if (!engine_->write(now_, out.subspan(1), size)) {
      fail_engine();
      return 0;
    }
    settle();
    if (size == 0) return 0;
    out[0] = static_cast<std::byte>(generation_);
    return size + 1;
  }

  void burst_sent() noexcept {
    if (engine_) engine_->burst_sent();
  }

  std::optional<TimePoint> deadline() const {
    if (kick_) return now_;
    std::optional<TimePoint> earliest = engine_ ? engine_->deadline() : std::nullopt;
    const auto consider = [&](TimePoint time) { earliest = std::min(earliest.value_or(time), time); };
    if (idle_since_ && !end_out_) consider(*idle_since_ + kIdleTime);
    if (needs_engine() && role_ == Role::responder && !wanted_out_) consider(wanted_again_);
    return earliest;
  }

  void on_deadline(TimePoint now) {
    tick(now);
    kick_ = false;
    if (!engine_) return;
    if (!engine_->on_deadline(now_)) return fail_engine();
    settle();
  }

  void on_path_change(TimePoint now) {
    tick(now);
    if (!engine_) return;
    if (!engine_->on_path_change(now_)) return fail_engine();
    settle();
  }

  std::optional<SignalRequest> poll_signal() {
    if (const auto generation = std::exchange(gone_due_, std::nullopt)) return SignalRequest{Signal::gone, *generation};
    if (role_ == Role::responder) {
      if (!needs_engine() || wanted_out_ || now_ < wanted_again_) return std::nullopt;
      wanted_out_ = true;
      return SignalRequest{Signal::wanted, generation_};
    }
    if (end_out_ || !idle_since_ || now_ < *idle_since_ + kIdleTime) return std::nullopt;
    end_out_ = true;
    return SignalRequest{Signal::end, generation_};
  }

  SignalAnswer on_signal(TimePoint now, SignalRequest request) {
    tick(now);
    const bool mine = engine_ && request.generation == generation_;
    switch (request.signal) {
      case Signal::wanted:
        if (role_ != Role::initiator) break;
        // The responder names the last generation it knew. If that is the living one, it has lost it.
        if (mine) lose_engine();
        if (!engine_) wanted_by_peer_ = kick_ = true;
        break;
      case Signal::end:
        if (role_ != Role::responder || !mine) break;
        if (engine_streams_ > 0 || !unopened_.empty()) return SignalAnswer::busy;
        lose_engine();
        break;
      case Signal::gone:
        if (mine) lose_engine();
        break;
    }
    return SignalAnswer::done;
  }

  void on_signal_answer(TimePoint now, SignalRequest request, SignalAnswer answer) {
    tick(now);
    if (request.signal == Signal::wanted) finish_wanted();
    if (request.signal != Signal::end || !end_out_ || request.generation != generation_) return;
    end_out_ = false;
    if (answer == SignalAnswer::done) {
      lose_engine();
    } else {
      restart_idle();
    }
    kick_ = true;
  }

  void on_signal_failed(TimePoint now, SignalRequest request) {
    tick(now);
    if (request.signal == Signal::wanted) finish_wanted();
    if (request.signal != Signal::end || request.generation != generation_) return;
    end_out_ = false;
    restart_idle();
    kick_ = true;
  }

  // --- status ---

  bool has_engine() const noexcept { return engine_ != nullptr; }
  std::uint8_t generation() const noexcept { return generation_; }
  std::size_t open_streams() const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(streams_, [](const auto& entry) { return !(entry.second->events & kLastEvents); }));
  }
  Duration smoothed_rtt() const noexcept { return engine_ ? engine_->smoothed_rtt() : Duration::zero(); }
  std::uint64_t delivery_rate() const noexcept { return engine_ ? engine_->delivery_rate() : 0; }
  std::optional<Delivery> delivery() const noexcept {
    return engine_ ? std::optional(engine_->delivery()) : std::nullopt;
  }
  bool awaiting_acknowledgement() const noexcept { return engine_ && engine_->awaiting_acknowledgement(); }

 private:
  using Table = std::map<StreamId, std::unique_ptr<Stream>>;
  using Turns = LinkedQueue<Stream, &Stream::turn_links>;

  // --- EngineOwner ---

  EngineStream& opened_by_peer(std::int64_t id) override {
    Stream& stream = add(peer_base_ + id, false, Priority::normal);
    stream.life = life_;
    highest_peer_ = std::max(highest_peer_, stream.handle);
    ++engine_streams_;
    notify(stream, Event::Kind::opened);
    return stream;
  }

  void received(EngineStream& s, BytesView bytes, bool last) override {
    Stream& stream = of(s);
    if (stream.abandoned || stream.broken) {
      uncredited_ += bytes.size();
      return;
    }
    stream.in.append(bytes);
    stream.ended_by_peer |= last;
    notify(stream, Event::Kind::readable);
  }

  void acknowledged(EngineStream& s, std::size_t count) override {
    Stream& stream = of(s);
    stream.out.acknowledged(count);
    if (stream.watched && !stream.abandoned) notify(stream, Event::Kind::acknowledged);
    wake_writer(stream);
  }

  void reset_by_peer(EngineStream& s, std::uint64_t code) override {
    Stream& stream = of(s);
    if (stream.abandoned || stream.broken) return;
    break_off(stream, code);
    to_shut_down_.push_back(&stream);
  }

  void closed(EngineStream& s, std::optional<std::uint64_t> code) override {
    Stream& stream = of(s);
    --engine_streams_;
    std::erase(to_shut_down_, &stream);
    if (stream.abandoned) {
      drop(stream);
      std::erase_if(abandoned_, [&](const auto& entry) { return entry.get() == &stream; });
    } else if (stream.broken) {
      // Its reset event is still to be polled.
    } else if (code || !stream.ended_by_peer) {
      break_off(stream, code.value_or(0));
    } else {
      stream.complete = true;
      announce_close(stream);
    }
  }

  void credited(EngineStream& s) override {
    Stream& stream = of(s);
    if (!std::exchange(stream.blocked, false)) return;
    take_turn(stream);
  }

  Outgoing next_outgoing(bool with_bytes) override {
    for (Turns& turns : turns_) {
      while (turns.front() && !turns.front()->sendable()) turns.pop_front();
      Stream* next = turns.front();
      while (next && !with_bytes && !(next->out.unsent() == 0 && next->sendable())) next = Turns::after(*next);
      if (!next) continue;
      Outgoing outgoing{next, next->out.next(), false};
      outgoing.last = next->finishing && outgoing.bytes[0].size() + outgoing.bytes[1].size() == next->out.unsent();
      return outgoing;
    }
    return {};
  }

  void sent(EngineStream& s, std::size_t count, bool last) override {
    Stream& stream = of(s);
    stream.out.sent(count);
    stream.end_sent |= last;
    wake_writer(stream);
    Turns& turns = turns_of(stream);
    if (turns.front() != &stream) return;
    turns.remove(stream);
    if (stream.sendable()) turns.push_back(stream);
  }

  void blocked(EngineStream& s) override {
    of(s).blocked = true;
    turns_of(of(s)).remove(of(s));
  }

  void unsendable(EngineStream& s) override {
    of(s).out.drop_unsent();
    of(s).end_sent = true;
    turns_of(of(s)).remove(of(s));
  }

  // --- tables ---

  Stream* find(StreamId handle) const {
    const auto entry = streams_.find(handle);
    return entry == streams_.end() ? nullptr : entry->second.get();
  }

  Stream& add(StreamId handle, bool own, Priority priority) {
    auto& entry = streams_[handle];
    CHECK(!entry);
    entry = std::make_unique<Stream>(handle, own, priority, limits_);
    if (own) ++own_count_;
    return *entry;
  }

  // Whether it belongs to the living engine, and so its bytes and its place to the credit given there.
  bool knows(const Stream& stream) const { return engine_ && stream.life == life_; }

  // The user is done with it. It stays, without a user, as long as the engine needs it.
  void forget(Table::iterator entry) {
    Stream& stream = *entry->second;
    stream.events = 0;
    eventful_.remove(stream);
    unopened_.remove(stream);
    turns_of(stream).remove(stream);
    if (stream.id >= 0) {
      stream.abandoned = true;
      stream.out.drop_unsent();
      abandoned_.push_back(std::move(entry->second));
    } else {
      drop(stream);
    }
    streams_.erase(entry);
  }

  // Nobody needs it any more: another one may take its place.
  void drop(const Stream& stream) {
    if (stream.own) {
      --own_count_;
    } else if (knows(stream)) {
      ++allowances_;
      kick_ = true;
    }
  }

  void notify(Stream& stream, Event::Kind kind) {
    if (stream.broken && kind != Event::Kind::reset) return;
    eventful_.push_back(stream);
    stream.events |= bit(kind);
  }

  void announce_close(Stream& stream) {
    if (stream.complete && stream.in.empty() && !stream.broken) notify(stream, Event::Kind::closed);
  }

  void break_off(Stream& stream, std::uint64_t code) {
    discard_received(stream);
    // What it had to say before that is void, except that it exists.
    if (stream.events) stream.events = stream.events & bit(Event::Kind::opened);
    if (stream.events == 0) eventful_.remove(stream);
    stream.broken = true;
    stream.code = code;
    stream.wants_writable = false;
    stream.out.drop_unsent();
    turns_of(stream).remove(stream);
    notify(stream, Event::Kind::reset);
  }

  void discard_received(Stream& stream) {
    if (knows(stream)) uncredited_ += stream.in.size();
    stream.in.clear();
  }

  // --- whose turn it is to send ---

  void take_turn(Stream& stream) {
    if (stream.id >= 0 && !stream.blocked && stream.sendable()) turns_of(stream).push_back(stream);
    kick_ = true;
  }

  // When a quarter is free, so that a writer is not called for every packet.
  void wake_writer(Stream& stream) {
    if (!stream.wants_writable || stream.out.room() < std::max<std::size_t>(limits_.send_buffer_bytes / 4, 1)) return;
    stream.wants_writable = false;
    notify(stream, Event::Kind::writable);
  }

  Turns& turns_of(const Stream& stream) { return turns_[static_cast<std::size_t>(stream.priority)]; }

  // --- lives of the engine ---

  void tick(TimePoint now) {
    if (!started_ || now > now_) now_ = now;
    started_ = true;
  }

  bool needs_engine() const { return !engine_ && !unopened_.empty(); }

  void start_engine() {
    if (role_ != Role::initiator || (!needs_engine() && !(wanted_by_peer_ && !engine_))) return;
    wanted_by_peer_ = false;
    ++generation_;
    ++life_;
    engine_ = QuicEngine::create_client(now_, limits_, peer_parameters_, room_, random_, *this);
    if (engine_) return restart_idle();
    // Malformed parameters: no stream can ever work.
    while (Stream* const stream = unopened_.pop_front()) break_off(*stream, 0);
  }

  // While the peer is asked whether the engine may end, new streams wait for the answer.
  void open_waiting() {
    while (!unopened_.empty() && !end_out_ && engine_->open_stream(*unopened_.front())) {
      Stream& stream = *unopened_.pop_front();
      stream.life = life_;
      ++engine_streams_;
      take_turn(stream);
    }
    kick_ = false;
    update_idle();
  }

  void feed(BytesView datagram) {
    if (!engine_->receive(now_, datagram)) return fail_engine();
    settle();
  }

  // What could not be done from inside the engine's calls.
  void settle() {
    for (const Stream* stream : to_shut_down_) engine_->shutdown_stream(*stream, stream->code);
    to_shut_down_.clear();
    if (uncredited_ > 0) engine_->credit_session(std::exchange(uncredited_, 0));
    for (; allowances_ > 0; --allowances_) engine_->allow_another_stream();
    update_idle();
  }

  // The engine has refused to go on, or the peer has ended it: the other side has to hear of it.
  void fail_engine() {
    lose_engine();
    want_gone();
  }

  void lose_engine() {
    engine_.reset();
    engine_streams_ = uncredited_ = allowances_ = 0;
    for (const auto& stream : std::exchange(abandoned_, {})) drop(*stream);
    to_shut_down_.clear();
    for (Turns& turns : turns_) {
      while (turns.pop_front()) continue;
    }
    session_window_ = {limits_.session_window_bytes, limits_.session_window_bytes_max};
    end_out_ = false;
    idle_since_.reset();
    for (auto& [handle, stream] : streams_) {
      stream->blocked = false;
      if (std::exchange(stream->id, -1) >= 0 && !stream->broken) break_off(*stream, 0);
    }
    // Handles of the peer's streams go on where they were; QUIC counts from 0 again.
    peer_base_ = (highest_peer_ + 4) & ~StreamId{3};
    kick_ = true;
  }

  void want_gone() {
    if (now_ < gone_again_) return;
    gone_again_ = now_ + kGoneInterval;
    gone_due_ = generation_;
  }

  void finish_wanted() {
    wanted_out_ = false;
    wanted_again_ = now_ + kWantedInterval;
  }

  void update_idle() {
    if (role_ != Role::initiator) return;
    if (!engine_ || engine_streams_ > 0 || !unopened_.empty()) {
      idle_since_.reset();
    } else if (!idle_since_) {
      idle_since_ = now_;
    }
  }

  void restart_idle() {
    idle_since_.reset();
    update_idle();
  }

  const Role role_;
  const Limits limits_;
  const Bytes peer_parameters_;
  RandomSource& random_;

  TimePoint now_{};
  bool started_ = false;  // now_ has been told
  bool kick_ = false;     // poll_transmit() may have something to do that no timer knows of
  std::size_t room_ = kRoomMin;

  std::unique_ptr<QuicEngine> engine_;
  std::uint8_t generation_ = 0;  // of the living engine, or of the last one
  std::uint64_t life_ = 0;       // counts engines without wrapping

  Table streams_;                                         // with a user; own and the peer's, each at most their limit
  std::vector<std::unique_ptr<Stream>> abandoned_;        // without one; counted in the same limits
  LinkedQueue<Stream, &Stream::opening_links> unopened_;  // of streams_: not yet known to an engine
  std::array<Turns, 3> turns_;                            // of streams_: have something to send, in order; by priority
  LinkedQueue<Stream, &Stream::event_links> eventful_;    // of streams_: have events, in order
  ReceiveWindow session_window_;
  std::vector<Stream*> to_shut_down_;
  std::size_t engine_streams_ = 0;  // that the engine knows
  std::size_t own_count_ = 0;       // in streams_ and abandoned_
  std::size_t uncredited_ = 0;      // bytes thrown away, for the session's credit
  std::size_t allowances_ = 0;      // the peer's streams that are over
  StreamId next_own_ = 0;
  StreamId peer_base_ = 0;  // handle of the peer's QUIC stream 0
  StreamId highest_peer_ = -1;

  std::optional<TimePoint> idle_since_;  // initiator: no stream since then
  bool end_out_ = false;                 // initiator: asked to end, not answered yet
  bool wanted_by_peer_ = false;          // initiator: start an engine
  bool wanted_out_ = false;              // responder: asked for an engine, not answered yet
  TimePoint wanted_again_{};
  std::optional<std::uint8_t> gone_due_;  // generation to report as lost
  TimePoint gone_again_{};
};

Streams::Streams(Role role, Limits limits, Bytes peer_parameters, RandomSource& random)
    : state_(std::make_unique<State>(role, limits, std::move(peer_parameters), random)) {}
Streams::~Streams() = default;

Bytes Streams::encoded_parameters(const Limits& limits) { return QuicEngine::encoded_parameters(limits); }

Result<StreamId> Streams::open(Priority priority) { return state_->open(priority); }
std::size_t Streams::write(StreamId stream, BytesView bytes) { return state_->write(stream, bytes); }
std::size_t Streams::room(StreamId stream) const { return state_->room(stream); }
void Streams::want_room(StreamId stream) { state_->want_room(stream); }
std::size_t Streams::unacknowledged(StreamId stream) const { return state_->unacknowledged(stream); }
void Streams::watch_acknowledged(StreamId stream) { state_->watch_acknowledged(stream); }
void Streams::finish(StreamId stream) { state_->finish(stream); }
void Streams::reset(StreamId stream, std::uint64_t code) { state_->reset(stream, code); }
std::size_t Streams::read(StreamId stream, MutableBytesView out) { return state_->read(stream, out); }
std::size_t Streams::readable(StreamId stream) const { return state_->readable(stream); }
bool Streams::at_end(StreamId stream) const { return state_->at_end(stream); }

void Streams::receive(TimePoint now, BytesView body) { state_->receive(now, body); }
std::size_t Streams::poll_transmit(TimePoint now, MutableBytesView out) { return state_->poll_transmit(now, out); }
void Streams::burst_sent() noexcept { state_->burst_sent(); }
std::optional<TimePoint> Streams::deadline() const { return state_->deadline(); }
void Streams::on_deadline(TimePoint now) { state_->on_deadline(now); }
void Streams::on_path_change(TimePoint now) { state_->on_path_change(now); }

std::optional<SignalRequest> Streams::poll_signal() { return state_->poll_signal(); }
SignalAnswer Streams::on_signal(TimePoint now, SignalRequest request) { return state_->on_signal(now, request); }
void Streams::on_signal_answer(TimePoint now, SignalRequest request, SignalAnswer answer) {
  state_->on_signal_answer(now, request, answer);
}
void Streams::on_signal_failed(TimePoint now, SignalRequest request) { state_->on_signal_failed(now, request); }

std::optional<Event> Streams::poll_event() { return state_->poll_event(); }
bool Streams::has_events() const noexcept { return state_->has_events(); }

bool Streams::has_engine() const noexcept { return state_->has_engine(); }
std::uint8_t Streams::generation() const noexcept { return state_->generation(); }
std::size_t Streams::open_streams() const noexcept { return state_->open_streams(); }
Duration Streams::smoothed_rtt() const noexcept { return state_->smoothed_rtt(); }
std::optional<Delivery> Streams::delivery() const noexcept { return state_->delivery(); }
std::uint64_t Streams::delivery_rate() const noexcept { return state_->delivery_rate(); }
bool Streams::awaiting_acknowledgement() const noexcept { return state_->awaiting_acknowledgement(); }

}  // namespace quantumgate::stream
