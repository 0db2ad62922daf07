// SPDX-License-Identifier: MIT
// What people do in a session: the extender that both nodes of a trace run.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bench/adversary/trace.hpp"
#include "node/environment.hpp"
#include "quantumgate/extender.h"
#include "quantumgate/node.h"
#include "sim/random.hpp"

namespace quantumgate::bench {

// Threads: the node's.   Ownership: borrows `environment`, the node's own.
class Application final : public Extender {
 public:
  // `connected` is called when there is a session.
  Application(node::Environment& environment, std::uint64_t seed, std::function<void()> connected);

  // Does something with `peer` from now on, until the node stops. In a chat both sides speak; in all else one acts, and
  // the other answers without being told to.
  void begin(Activity activity, const PeerUuid& peer);

  std::uint64_t content_bytes() const noexcept { return content_bytes_; }  // delivered to this side
  const std::vector<Duration>& delays() const noexcept { return delays_; }
  bool lost() const noexcept { return lost_; }  // the session ended before the node did

  void on_start(Node& node) override;
  void on_stop() override;
  void on_peer_up(const Peer& peer) override;
  void on_peer_down(const Peer& peer, CloseReason reason) override;
  void on_message(Message message) override;
  void on_stream(std::shared_ptr<Stream> stream) override;

 private:
  struct Upload;

  void act();  // once more, and sets the time of the next
  void again_after(Duration pause);
  void say();
  void send_file();
  void send_chunk();
  void open_page();
  // Asks the peer for `answer_size` bytes by a request of `size`.
  void fetch(std::size_t size, std::uint32_t answer_size, std::function<void()> done);
  std::shared_ptr<Stream> open_stream();
  // Writes so many bytes, as fast as the stream takes them, and ends this side's direction.
  static void send(const std::shared_ptr<Stream>& stream, std::uint64_t size);

  Duration between(Duration min, Duration max) { return min + random_.up_to(max - min); }
  std::uint64_t size_between(std::uint64_t min, std::uint64_t max);  // each doubling is as likely as the next

  node::Environment& environment_;
  sim::SeededRandom random_;
  const std::function<void()> connected_;
  Node* node_ = nullptr;
  Activity activity_ = Activity::idle;
  PeerUuid peer_{};
  std::unique_ptr<node::Timer> timer_;
  std::shared_ptr<Stream> stream_;  // streaming
  Bytes chunk_;
  Duration chunk_interval_{};
  TimePoint page_begin_{};  // web
  std::size_t page_parts_ = 0;
  bool lost_ = false;
  std::uint64_t content_bytes_ = 0;
  std::vector<Duration> delays_;
};

}  // namespace quantumgate::bench
