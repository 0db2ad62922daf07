// SPDX-License-Identifier: MIT
// Waiting forms on top of the public Node. A caller may give up at any time, so what runs on the node's thread never
// touches the caller's memory: both sides share a state that belongs to neither.
#include "quantumgate/blocking.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace quantumgate::blocking {
namespace {

using Clock = std::chrono::steady_clock;

// A result that one thread waits for. Whoever owes it holds a shared_ptr<Debt>; if that goes without an answer, the
// answer is `closed`.
template <class T>
class Answer {
 public:
  void set(Result<T> value) {
    const std::lock_guard guard(mutex_);
    if (!value_) value_.emplace(std::move(value));
    arrived_.notify_all();
  }
  Result<T> wait(Clock::time_point end, const char* doing) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, end, [this] { return value_.has_value(); }))
      return fail(ErrorCode::timed_out, doing);
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Result<T>> value_;
};

template <class T>
class Debt {
 public:
  Debt(std::shared_ptr<Answer<T>> answer, const char* doing) : answer_(std::move(answer)), doing_(doing) {}
  ~Debt() { answer_->set(fail(ErrorCode::closed, doing_)); }
  Debt(const Debt&) = delete;
  Debt& operator=(const Debt&) = delete;
  void pay(Result<T> value) const { answer_->set(std::move(value)); }

 private:
  std::shared_ptr<Answer<T>> answer_;
  const char* doing_;
};

// `start` gets a debt and sees to it that somebody pays.
template <class T, class Start>
Result<T> wait_for(Node& node, const char* doing, Clock::time_point end, Start start) {
  if (node.on_node_thread()) return fail(ErrorCode::would_deadlock, doing);
  const auto answer = std::make_shared<Answer<T>>();
  start(std::make_shared<Debt<T>>(answer, doing));
  return answer->wait(end, doing);
}

// A message that is tried on the node's thread until the queue takes it.
struct SendAttempt {
  Node& node;
  PeerUuid peer;
  std::string extender;
  Bytes message;
  SendOptions options;
  std::shared_ptr<Debt<void>> debt;
  std::weak_ptr<const void> owner;  // who waits for it

  void run(const std::shared_ptr<SendAttempt>& self) const {
    Result<void> queued = node.send_message(peer, extender, message, options,
                                            [its_debt = debt](Result<void> sent) { its_debt->pay(sent); });
    if (!queued && queued.error().code == ErrorCode::would_block) {
      queued = node.await_message_room(
          peer, extender, [self] { self->run(self); }, owner);
    }
    if (!queued) debt->pay(queued);
  }
};

}  // namespace

Result<void> run(Node& node, std::function<void()> work, std::chrono::milliseconds time_limit) {
  return wait_for<void>(node, "waiting for the node's thread", Clock::now() + time_limit, [&](auto debt) {
    node.post([work = std::move(work), debt] {
      work();
      debt->pay({});
    });
  });
}

Result<Peer> connect(Node& node, const Address& address, const ConnectOptions& options) {
  // The dial has a time limit of its own and always answers; the second is for a thread that is busy.
  const auto end = Clock::now() + options.time_limit + std::chrono::seconds(1);
  return wait_for<Peer>(node, "dialling a peer", end, [&](auto debt) {
    node.connect(address, options, [debt](Result<Peer> peer) { debt->pay(std::move(peer)); });
  });
}

Result<void> send_message(Node& node, const PeerUuid& peer, const std::string& extender, BytesView message,
                          const SendOptions& options, std::chrono::milliseconds time_limit) {
  constexpr const char* kDoing = "sending a message";
  const auto owner = std::make_shared<char>();  // goes with this call: then nobody waits for room any more
  return wait_for<void>(node, kDoing, Clock::now() + time_limit, [&](auto debt) {
    const auto attempt = std::make_shared<SendAttempt>(
        SendAttempt{node, peer, extender, Bytes(message.begin(), message.end()), options, debt, owner});
    node.post([attempt] { attempt->run(attempt); });
  });
}

// --- Stream ---

// Bytes on their way between the two threads. Everything is guarded by the mutex but `stream`, which belongs to the
// node's thread.
struct Stream::State : std::enable_shared_from_this<Stream::State> {
  static constexpr std::size_t kBufferMax = 256 << 10;  // each way; the stream's own buffers come on top

  explicit State(Node& its_node) : node(its_node) {}

  // --- the node's thread ---
  void attach(std::shared_ptr<quantumgate::Stream> its_stream) {
    stream = std::move(its_stream);
    stream->on_readable([self = shared_from_this()] { self->move_in(); });
    stream->on_writable([self = shared_from_this()] { self->move_out(); });
    stream->on_closed([self = shared_from_this()](std::optional<Error> why, std::uint64_t) {
      const std::lock_guard guard(self->mutex);
      self->closed = true;
      self->error = why;
      self->changed.notify_all();
    });
    move_in();
    move_out();
  }

  void move_in() {
    const std::lock_guard guard(mutex);
    for (;;) {
      const std::size_t had = abandoned ? 0 : in.size();
      if (had >= kBufferMax) break;
      in.resize(had + std::min(kBufferMax - had, std::max<std::size_t>(stream->readable(), 1)));
      const std::size_t moved = stream->read(MutableBytesView(in).subspan(had));
      in.resize(had + moved);
      if (moved == 0) break;
    }
    ended = stream->at_end();
    changed.notify_all();
  }

  void move_out() {
    const std::lock_guard guard(mutex);
    const std::size_t taken = stream->write(out);
    out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(taken));
    if (out.empty() && finishing) stream->finish();
    if (abandoned && !finishing) stream->reset(kStreamNoError);
    changed.notify_all();
  }

  // --- the caller's thread ---
  void kick(void (State::*what)()) {
    node.post([self = shared_from_this(), what] {
      if (self->stream) (self.get()->*what)();
    });
  }

  Error why_over(const char* doing) const {
    Error told = error.value_or(Error{ErrorCode::closed});
    told.doing = doing;
    return told;
  }

  Node& node;
  std::shared_ptr<quantumgate::Stream> stream;
  std::mutex mutex;
  std::condition_variable changed;
  Bytes in;
  Bytes out;
  bool ended = false;      // `in` is all there will be
  bool finishing = false;  // finish() was called
  bool closed = false;     // both ways
  bool abandoned = false;  // nobody waits for it any more
  std::optional<Error> error;
};

Stream::Stream(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Stream::~Stream() {
  if (!state_) return;
  {
    const std::lock_guard guard(state_->mutex);
    state_->abandoned = true;
    if (state_->closed) return;
  }
  state_->kick(&State::move_out);
  state_->kick(&State::move_in);
}

Result<Stream> Stream::open(Node& node, const PeerUuid& peer, const std::string& extender, const StreamOptions& options,
                            std::chrono::milliseconds time_limit) {
  // Made first: if nobody waits for the answer any more, its destructor breaks the stream off.
  Stream made(std::make_shared<State>(node));
  const auto opened = wait_for<void>(node, "opening a stream", Clock::now() + time_limit, [&](auto debt) {
    node.post([&node, peer, extender, options, state = made.state_, debt] {
      auto stream = node.open_stream(peer, extender, options);
      if (stream) state->attach(std::move(*stream));
      debt->pay(stream ? Result<void>() : Result<void>(fail(stream.error())));
    });
  });
  if (!opened) return fail(opened.error());
  return made;
}

Result<Stream> Stream::adopt(Node& node, std::shared_ptr<quantumgate::Stream> stream,
                             std::chrono::milliseconds time_limit) {
  Stream made(std::make_shared<State>(node));
  const auto attached = run(
      node, [state = made.state_, stream = std::move(stream)] { state->attach(stream); }, time_limit);
  if (!attached) return fail(attached.error());
  return made;
}

Result<std::size_t> Stream::read(MutableBytesView out, std::chrono::milliseconds time_limit) {
  constexpr const char* kDoing = "reading from a stream";
  State& state = *state_;
  if (state.node.on_node_thread()) return fail(ErrorCode::would_deadlock, kDoing);
  std::unique_lock lock(state.mutex);
  const bool arrived =
      state.changed.wait_for(lock, time_limit, [&] { return !state.in.empty() || state.ended || state.closed; });
  if (!arrived) return fail(ErrorCode::timed_out, kDoing);
  if (state.in.empty()) {
    if (state.ended || !state.error) return std::size_t{0};
    return fail(state.why_over(kDoing));
  }
  const std::size_t count = std::min(out.size(), state.in.size());
  std::copy_n(state.in.begin(), count, out.begin());
  state.in.erase(state.in.begin(), state.in.begin() + static_cast<std::ptrdiff_t>(count));
  const bool refill = state.in.empty() && !state.closed;
  lock.unlock();
  if (refill) state.kick(&State::move_in);
  return count;
}

Result<Bytes> Stream::read_all(std::size_t size_max, std::chrono::milliseconds time_limit) {
  const auto end = Clock::now() + time_limit;
  Bytes all;
  Bytes piece(std::min<std::size_t>(State::kBufferMax, size_max + 1));
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    const auto count = read(piece, std::max(left, std::chrono::milliseconds(0)));
    if (!count) return fail(count.error());
    if (*count == 0) return all;
    if (*count > size_max - all.size()) return fail(ErrorCode::limit, "reading a whole stream");
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

Result<void> Stream::write(BytesView bytes, std::chrono::milliseconds time_limit) {
  constexpr const char* kDoing = "writing to a stream";
  State& state = *state_;
  if (state.node.on_node_thread()) return fail(ErrorCode::would_deadlock, kDoing);
  const auto end = Clock::now() + time_limit;
  while (!bytes.empty()) {
    std::unique_lock lock(state.mutex);
    const bool room = state.changed.wait_until(
        lock, end, [&] { return state.out.size() < State::kBufferMax || state.closed || state.finishing; });
    if (!room) return fail(ErrorCode::timed_out, kDoing);
    if (state.closed || state.finishing) return fail(state.why_over(kDoing));
    const BytesView part = bytes.first(std::min(bytes.size(), State::kBufferMax - state.out.size()));
    state.out.insert(state.out.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    lock.unlock();
    state.kick(&State::move_out);
  }
  return {};
}

Result<void> Stream::finish() {
  State& state = *state_;
  if (state.node.on_node_thread()) return fail(ErrorCode::would_deadlock, "finishing a stream");
  {
    const std::lock_guard guard(state.mutex);
    if (state.closed && state.error) return fail(state.why_over("finishing a stream"));
    state.finishing = true;
  }
  state.kick(&State::move_out);
  return {};
}

}  // namespace quantumgate::blocking
