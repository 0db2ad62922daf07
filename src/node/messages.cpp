// SPDX-License-Identifier: MIT
#include "node/messages.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/check.hpp"
#include "base/wiped_bytes.hpp"
#include "quantumgate/stream.h"

namespace quantumgate::node {

using wire::BlockHead;

namespace {
constexpr Duration kMessageIdle = std::chrono::seconds(10);  // docs/spec/04-streams.md, section 10
constexpr std::size_t kCompressMin = 128;                    // shorter ones hardly shrink
constexpr const char* kSending = "sending a message";
}  // namespace

// --- out ---

class Messages::Sender final : public StreamOwner {
 public:
  Sender(Messages& messages, std::string extender, Priority priority, stream::StreamId id)
      : messages_(&messages), extender_(std::move(extender)), priority_(priority), id_(id) {
    hub().streams().watch_acknowledged(id_);
    written_ = hub().streams().unacknowledged(id_);  // the header
  }

  Result<void> send(BytesView message, bool compress, MessageDone done) {
    if (!rest_.empty()) {
      wants_room_ = true;
      return fail(ErrorCode::would_block, kSending);
    }
    const bool tried = compress && message.size() >= kCompressMin && gauge_.worthwhile(hub().streams().delivery_rate());
    const BytesView packed = tried ? hub().compressor().compress(message) : BytesView();
    const BytesView body = packed.empty() ? message : packed;
    const auto head = BlockHead{static_cast<std::uint32_t>(body.size()), !packed.empty()}.encode();
    gauge_.note(message.size(), body.size(), tried);
    write(head);
    write(body);
    if (done) waiting_.push_back({written_ + rest_.size(), std::move(done)});
    idle_since_.reset();
    hub().touched();
    return {};
  }

  void announce_readable() override {
    // Nothing is ever said in this direction; the end is the other side's consent to ours.
    std::array<std::byte, 64> ignored;
    while (messages_ != nullptr && hub().streams().read(id_, ignored) > 0) {
    }
  }

  void announce_writable() override {
    const WipedBytes rest = std::exchange(rest_, {});
    write(rest);
    if (rest_.empty() && std::exchange(wants_room_, false)) messages_->host_.on_message_room(extender_);
  }

  void announce_acknowledged() override {
    const std::uint64_t acknowledged = written_ - hub().streams().unacknowledged(id_);
    while (messages_ != nullptr && !waiting_.empty() && waiting_.front().end <= acknowledged) {
      const MessageDone done = std::move(waiting_.front().done);
      waiting_.pop_front();
      done({});
    }
  }

  void announce_closed(std::optional<Error> error, std::uint64_t code) override {
    // All that waits knows what became of it, in order. Nobody finds this sender any more.
    if (messages_ != nullptr) {
      const auto found = messages_->senders_.find({extender_, priority_});
      if (found != messages_->senders_.end() && found->second.get() == this) messages_->senders_.erase(found);
    }
    MessageHost* const host = messages_ != nullptr ? &messages_->host_ : nullptr;
    messages_ = nullptr;
    rest_.clear();
    Result<void> result;
    if (error) {
      Error told = *error;
      told.doing = kSending;
      if (told.code == ErrorCode::reset && code == kStreamNoSuchExtender) told.code = ErrorCode::not_found;
      if (told.code == ErrorCode::reset && code == kStreamTooLong) told.code = ErrorCode::limit;
      result = fail(told);
    }
    for (auto& waiting : std::exchange(waiting_, {})) waiting.done(result);
    // Who was refused learns that it can try again: on another stream, or in vain.
    if (host != nullptr && std::exchange(wants_room_, false)) host->on_message_room(extender_);
  }

  bool idle() const { return rest_.empty() && hub().streams().unacknowledged(id_) == 0; }
  // When it may be finished; nothing while it is at work.
  std::optional<TimePoint> idle_end(TimePoint now) {
    if (!idle()) idle_since_.reset();
    if (idle() && !idle_since_) idle_since_ = now;
    if (!idle_since_) return std::nullopt;
    return *idle_since_ + kMessageIdle;
  }
  void finish() { hub().streams().finish(id_); }

 private:
  StreamHub& hub() const { return messages_->hub_; }
  void write(BytesView bytes) {
    const std::size_t taken = rest_.empty() ? hub().streams().write(id_, bytes) : 0;
    written_ += taken;
    rest_.insert(rest_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
  }

  struct Waiting {
    std::uint64_t end;  // in the bytes of the stream
    MessageDone done;
  };
  Messages* messages_;  // null once the stream is over
  const std::string extender_;
  const Priority priority_;
  const stream::StreamId id_;
  CompressionGauge gauge_;
  WipedBytes rest_;              // of a message for which the stream had no room
  std::uint64_t written_ = 0;    // taken by the stream
  std::deque<Waiting> waiting_;  // each for at least 4 unacknowledged bytes
  bool wants_room_ = false;      // somebody was refused
  std::optional<TimePoint> idle_since_;
};

Result<void> Messages::send(const std::string& extender, BytesView message, Priority priority, bool compress,
                            MessageDone done) {
  auto found = senders_.find({extender, priority});
  if (found == senders_.end()) {
    const auto id = host_.open_message_stream(wire::messages_of(priority), extender, priority);
    if (!id) return fail(id.error());
    auto sender = std::make_shared<Sender>(*this, extender, priority, *id);
    host_.own(*id, sender);
    found = senders_.emplace(std::pair(extender, priority), std::move(sender)).first;
  }
  return found->second->send(message, compress, std::move(done));
}

void Messages::tidy(TimePoint now) {
  tidy_at_.reset();
  for (auto it = senders_.begin(); it != senders_.end();) {
    const auto end = it->second->idle_end(now);
    if (end && *end <= now) {
      // It is owned by its stream until that is over. The next message opens another one.
      it->second->finish();
      it = senders_.erase(it);
      continue;
    }
    if (end && (!tidy_at_ || *end < *tidy_at_)) tidy_at_ = end;
    ++it;
  }
}

// --- in ---

// What an extender has in its hands of one peer. Shared with Messages that are destroyed on any thread, and that may
// outlive everything else.
class Messages::Held {
 public:
  // `resume` may be called on any thread, at any time.
  explicit Held(std::function<void()> resume) : resume_(std::move(resume)) {}

  // Whether there is room for one more; if not, `resume` will be called when there is.
  bool room() {
    if (full()) paused_ = true;
    return !full();  // once more: what was given back before paused_ was set called nobody
  }
  void take(std::size_t bytes) {
    ++count_;
    bytes_ += bytes;
  }
  void give_back(std::size_t bytes) {
    --count_;
    bytes_ -= bytes;
    const bool plenty = count_ <= kMessagesHeldMax / 2 && bytes_ <= kMessageBytesHeldMax / 2;
    if (plenty && paused_.exchange(false)) resume_();
  }

 private:
  bool full() const { return count_ >= kMessagesHeldMax || bytes_ >= kMessageBytesHeldMax; }

  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<bool> paused_ = false;
  const std::function<void()> resume_;
};

class Messages::Receiver final : public StreamOwner {
 public:
  Receiver(Messages& messages, std::string extender, Priority priority, stream::StreamId id, std::size_t size_max,
           std::shared_ptr<Held> held)
      : messages_(&messages),
        extender_(std::move(extender)),
        priority_(priority),
        id_(id),
        size_max_(size_max),
        held_(std::move(held)) {}
  ~Receiver() override { wipe(body_); }

  void start() { active_ = true; }

  void announce_readable() override {
    if (!active_) return;
    while (messages_ != nullptr && held_->room()) {
      if (!read_head() || !read_body()) return;
      if (head_size_ < head_.size() || body_.size() < size_) break;
      if (!deliver()) return;
    }
    if (messages_ == nullptr || !streams().at_end(id_)) return;
    if (head_size_ > 0) return refuse(kStreamMalformed);
    streams().finish(id_);
    messages_->hub_.touched();
    leave();
  }

  void announce_writable() override {}

  void announce_closed(std::optional<Error>, std::uint64_t) override { leave(); }
  stream::StreamId id() const noexcept { return id_; }

 private:
  stream::Streams& streams() const { return messages_->hub_.streams(); }

  bool read_head() {
    if (head_size_ == head_.size()) return true;
    head_size_ += streams().read(id_, MutableBytesView(head_).subspan(head_size_));
    if (head_size_ < head_.size()) return true;
    const BlockHead head = BlockHead::decode(head_);
    size_ = head.size;
    compressed_ = head.compressed;
    if (size_ <= size_max_) return true;
    refuse(kStreamTooLong);
    return false;
  }

  // Takes memory only for what has arrived: the size is the sender's word.
  bool read_body() {
    if (head_size_ < head_.size()) return true;
    const std::size_t had = body_.size();
    const std::size_t next = std::min(size_ - had, streams().readable(id_));
    if (next == 0) return true;
    body_.resize(had + next);
    CHECK(streams().read(id_, MutableBytesView(body_).subspan(had)) == next);
    messages_->hub_.touched();  // the sender's credit must reach it
    return true;
  }

  // False if the receiver is over.
  bool deliver() {
    Bytes content = std::exchange(body_, {});
    if (compressed_) {
      Bytes plain;
      if (!messages_->hub_.compressor().decompress(content, size_max_, plain)) {
        refuse(Compressor::content_size(content).value_or(0) > size_max_ ? kStreamTooLong : kStreamMalformed);
        return false;
      }
      wipe(content);
      content = std::move(plain);
    }
    head_size_ = 0;
    const std::size_t size = content.size();
    held_->take(size);
    messages_->host_.on_message(extender_, Message(messages_->hub_.peer_uuid(), priority_, std::move(content),
                                                   [held = held_, size] { held->give_back(size); }));
    return messages_ != nullptr;
  }

  void refuse(std::uint64_t code) {
    StreamHub& hub = messages_->hub_;
    leave();
    hub.break_off(id_, code);  // may destroy this object
  }

  // Makes place for the next stream of its kind.
  void leave() {
    active_ = false;
    Messages* const messages = std::exchange(messages_, nullptr);
    if (messages == nullptr) return;
    const auto incoming = messages->incoming_.find(extender_);
    CHECK(incoming != messages->incoming_.end());
    auto& line = incoming->second.receivers[static_cast<std::size_t>(priority_)];
    std::erase_if(line, [this](const auto& receiver) { return receiver.get() == this; });
    messages->receive_next(extender_, priority_);
  }

  Messages* messages_;  // null once it is over
  const std::string extender_;
  const Priority priority_;
  const stream::StreamId id_;
  const std::size_t size_max_;
  const std::shared_ptr<Held> held_;
  bool active_ = false;
  std::array<std::byte, BlockHead::kSize> head_{};
  std::size_t head_size_ = 0;
  std::size_t size_ = 0;
  bool compressed_ = false;
  Bytes body_;
};

void Messages::accept(stream::StreamId id, const wire::StreamHeader& header) {
  const auto size_max = host_.message_size_max(header.name);
  if (!size_max) return hub_.break_off(id, kStreamNoSuchExtender);
  Incoming& incoming = incoming_[header.name];
  if (!incoming.held) {
    incoming.held = std::make_shared<Held>(
        [post = host_.poster(), this, name = header.name] { post([this, name] { resume(name); }); });
  }
  const Priority priority = wire::priority_of(header.kind);
  auto& line = incoming.receivers[static_cast<std::size_t>(priority)];
  // The one being read, and the next one after an idle time. More is not what a sender of ours does.
  if (line.size() == 2) return hub_.break_off(id, kStreamRefused);
  auto receiver = std::make_shared<Receiver>(*this, header.name, priority, id, *size_max, incoming.held);
  line.push_back(receiver);
  host_.own(id, receiver);
  if (line.size() == 1) receive_next(header.name, priority);
}

void Messages::receive_next(const std::string& extender, Priority priority) {
  const auto& line = incoming_.at(extender).receivers[static_cast<std::size_t>(priority)];
  if (line.empty()) return;
  line.front()->start();
  hub_.wake(line.front()->id());
}

void Messages::resume(const std::string& extender) {
  const auto incoming = incoming_.find(extender);
  if (incoming == incoming_.end()) return;
  for (const auto& line : incoming->second.receivers) {
    if (!line.empty()) hub_.wake(line.front()->id());
  }
}

}  // namespace quantumgate::node
