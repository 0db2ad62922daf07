// SPDX-License-Identifier: MIT
// Two nodes joined by memory, for tests of extenders: streams, messages and datagrams deliver at the next turn, room
// and order as promised by include/quantumgate/, nothing else of a kernel. Threads: everything on the thread that calls
// run(), except post().
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "quantumgate/node.h"

namespace quantumgate::testing {

class FakeNode;

// What both ends of a stream share.
class FakeStream final : public Stream, public std::enable_shared_from_this<FakeStream> {
 public:
  static constexpr std::size_t kRoom = 1 << 20;

  FakeStream(FakeNode& node, PeerUuid peer) : node_(node), peer_(peer) {}

  const PeerUuid& peer() const noexcept override { return peer_; }
  std::size_t write(BytesView bytes) override;
  void finish() override;
  void reset(std::uint64_t code) override;
  std::size_t read(MutableBytesView out) override;
  std::size_t readable() const noexcept override { return input_.size(); }
  bool at_end() const noexcept override { return end_arrived_ && input_.empty(); }
  void on_readable(std::function<void()> callback) override { readable_ = std::move(callback); }
  void on_writable(std::function<void()> callback) override { writable_ = std::move(callback); }
  void on_closed(std::function<void(std::optional<Error>, std::uint64_t)> callback) override {
    closed_ = std::move(callback);
  }

  // --- what tests look at and do ---
  std::optional<std::uint64_t> reset_code() const { return reset_code_; }  // sent by this side
  bool open() const { return !over_; }
  void close(std::optional<Error> error, std::uint64_t code);  // as the kernel does when the session is lost

 private:
  friend class FakeNode;
  void wake();

  FakeNode& node_;
  PeerUuid peer_;
  std::weak_ptr<FakeStream> twin_;
  std::deque<std::byte> input_;
  bool finished_ = false;
  bool end_arrived_ = false;
  bool over_ = false;
  bool short_write_ = false;
  std::optional<std::uint64_t> reset_code_;
  std::function<void()> readable_, writable_;
  std::function<void(std::optional<Error>, std::uint64_t)> closed_;
};

class FakeNode final : public Node {
 public:
  explicit FakeNode(std::uint8_t number) { uuid_.bytes[15] = static_cast<std::byte>(number); }

  static void join(FakeNode& a, FakeNode& b) {
    a.peer_ = &b;
    b.peer_ = &a;
  }
  void add(std::shared_ptr<Extender> extender) {
    extender->on_start(*this);
    extenders_[extender->name()] = std::move(extender);
  }
  void stop() {
    for (const auto& [name, extender] : extenders_) extender->on_stop();
    for (const auto& stream : std::exchange(streams_, {})) stream->close(Error{ErrorCode::closed}, 0);
    extenders_.clear();
  }
  // The session ends: both sides' streams are lost.
  void lose_peer() {
    FakeNode* other = std::exchange(peer_, nullptr);
    if (other == nullptr) return;
    other->peer_ = nullptr;
    for (FakeNode* node : {this, other}) {
      for (const auto& stream : std::exchange(node->streams_, {})) stream->close(Error{ErrorCode::timed_out}, 0);
    }
  }

  // Runs posted work of both nodes until nothing is left; waits for other threads while `until` is false.
  void run(const std::function<bool()>& until = [] { return true; }) {
    for (;;) {
      std::function<void()> work;
      {
        std::unique_lock lock(queue().mutex);
        if (queue().work.empty()) {
          if (until()) return;
          queue().arrived.wait(lock, [] { return !queue().work.empty(); });
        }
        work = std::move(queue().work.front());
        queue().work.pop_front();
      }
      work();
    }
  }
  const std::vector<std::shared_ptr<FakeStream>>& streams() const { return streams_; }

  // A stream to `extender` of the other node, driven by the test itself.
  std::shared_ptr<FakeStream> raw_stream(const std::string& extender) {
    auto stream = open_stream(peer_->uuid_, extender);
    return stream ? std::static_pointer_cast<FakeStream>(*stream) : nullptr;
  }

  // --- Node ---
  const PeerUuid& uuid() const noexcept override { return uuid_; }
  Address address() const override { return {}; }
  void post(std::function<void()> work) override {
    const std::lock_guard guard(queue().mutex);
    queue().work.push_back(std::move(work));
    queue().arrived.notify_all();
  }
  // Reaches the node that it was joined with, once the test lets it (`on_dial`).
  void connect(Address address, ConnectOptions, std::function<void(Result<Peer>)> done) override {
    post([this, address, done = std::move(done)] {
      if (on_dial) on_dial();
      if (peer_ == nullptr || peer_->uuid_ != address.uuid) return done(fail(ErrorCode::no_answer));
      Peer peer;
      peer.uuid = address.uuid;
      done(peer);
    });
  }
  std::function<void()> on_dial;
  Result<void> disconnect(const PeerUuid&) override { return fail(ErrorCode::unsupported); }
  std::vector<Peer> peers() const override { return {}; }
  NodeCounters counters() const override { return {}; }
  Result<void> set_privacy(const Privacy&) override { return {}; }
  Result<void> set_privacy(const PeerUuid&, const Privacy&) override { return {}; }
  Privacy privacy() const override { return {}; }
  bool on_node_thread() const noexcept override { return true; }
  std::vector<Metric> metrics() const override { return {}; }
  Result<void> send_message(const PeerUuid& peer, const std::string& extender, BytesView message, SendOptions options,
                            std::function<void(Result<void>)> done) override {
    if (peer_ == nullptr || peer != peer_->uuid_) return fail(ErrorCode::not_found, "sending a message");
    post([this, other = peer_, extender, content = Bytes(message.begin(), message.end()), options, done] {
      const auto found = other->extenders_.find(extender);
      const bool known = found != other->extenders_.end();
      if (known) found->second->on_message(Message(uuid_, options.priority, content));
      if (done) done(known ? Result<void>() : Result<void>(fail(ErrorCode::not_found, "sending a message")));
    });
    return {};
  }
  // Nothing is ever refused for want of room.
  Result<void> await_message_room(const PeerUuid&, const std::string&, std::function<void()>,
                                  std::weak_ptr<const void>) override {
    return {};
  }
  Result<void> send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram) override {
    if (peer_ == nullptr || peer != peer_->uuid_) return fail(ErrorCode::not_found, "sending a datagram");
    post([this, other = peer_, extender, content = Bytes(datagram.begin(), datagram.end())] {
      const auto found = other->extenders_.find(extender);
      if (found != other->extenders_.end()) found->second->on_datagram(uuid_, content);
    });
    return {};
  }
  std::size_t datagram_size_max(const PeerUuid&) const override { return peer_ == nullptr ? 0 : 1200; }
  Result<std::shared_ptr<Stream>> open_stream(const PeerUuid& peer, const std::string& extender,
                                              StreamOptions = {}) override {
    if (peer_ == nullptr || peer != peer_->uuid_) return fail(ErrorCode::not_found, "opening a stream");
    auto here = std::make_shared<FakeStream>(*this, peer_->uuid_);
    auto there = std::make_shared<FakeStream>(*peer_, uuid_);
    here->twin_ = there;
    there->twin_ = here;
    streams_.push_back(here);
    peer_->streams_.push_back(there);
    post([there, extender, other = peer_] {
      if (there->over_) return;
      const auto found = other->extenders_.find(extender);
      if (found == other->extenders_.end()) return there->reset(kStreamNoSuchExtender);
      const auto kept = there.use_count();
      found->second->on_stream(there);
      if (there.use_count() <= kept && !there->over_) there->reset(kStreamRefused);
      if (!there->over_) there->wake();
    });
    return std::shared_ptr<Stream>(here);
  }

 private:
  friend class FakeStream;
  struct Queue {
    std::mutex mutex;
    std::condition_variable arrived;
    std::deque<std::function<void()>> work;
  };
  static Queue& queue() {  // one thread plays both nodes' threads
    static Queue instance;
    return instance;
  }
  void forget(const std::shared_ptr<FakeStream>& stream) { std::erase(streams_, stream); }

  PeerUuid uuid_;
  FakeNode* peer_ = nullptr;
  std::map<std::string, std::shared_ptr<Extender>> extenders_;
  std::vector<std::shared_ptr<FakeStream>> streams_;
};

inline std::size_t FakeStream::write(BytesView bytes) {
  const auto twin = twin_.lock();
  if (over_ || finished_ || !twin || twin->over_) return 0;
  const std::size_t taken = std::min(bytes.size(), kRoom - std::min(kRoom, twin->input_.size()));
  twin->input_.insert(twin->input_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  short_write_ = taken < bytes.size();
  if (taken != 0) twin->wake();
  return taken;
}

inline void FakeStream::finish() {
  if (over_ || std::exchange(finished_, true)) return;
  if (const auto twin = twin_.lock()) {
    node_.post([twin] {
      twin->end_arrived_ = true;
      twin->wake();
    });
  }
}

inline void FakeStream::reset(std::uint64_t code) {
  if (over_) return;
  reset_code_ = code;
  const auto twin = twin_.lock();
  const auto self = shared_from_this();
  over_ = true;
  closed_ = {};
  readable_ = {};
  writable_ = {};
  node_.forget(self);
  if (twin) {
    twin->input_.clear();
    node_.post([twin, code] { twin->close(Error{ErrorCode::reset}, code); });
  }
}

inline std::size_t FakeStream::read(MutableBytesView out) {
  const std::size_t size = std::min(out.size(), input_.size());
  std::copy_n(input_.begin(), size, out.begin());
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
  const auto twin = twin_.lock();
  if (size != 0 && twin && std::exchange(twin->short_write_, false)) {
    node_.post([twin] {
      const auto callback = twin->writable_;
      if (callback && !twin->over_) callback();
    });
  }
  return size;
}

inline void FakeStream::wake() {
  node_.post([self = shared_from_this()] {
    if (self->over_) return;
    if (const auto callback = self->readable_) callback();
    const auto twin = self->twin_.lock();
    if (self->over_ || !twin || twin->over_) return;
    // Both finished and everything was read: the kernel would see the last acknowledgement.
    if (self->finished_ && self->at_end() && twin->finished_ && twin->at_end()) {
      twin->close(std::nullopt, 0);
      self->close(std::nullopt, 0);
    }
  });
}

inline void FakeStream::close(std::optional<Error> error, std::uint64_t code) {
  if (std::exchange(over_, true)) return;
  const auto self = shared_from_this();
  const auto callback = std::exchange(closed_, {});
  readable_ = {};
  writable_ = {};
  node_.forget(self);
  if (callback) callback(error, code);
}

}  // namespace quantumgate::testing
