// SPDX-License-Identifier: MIT
// A few threads for work that waits for a disk or computes for long; what comes of it is done on the node's thread.
// Threads: any.   Ownership: borrows the node until detach().
// Bounds: as many jobs as there are transfers, for each has at most one; 4 threads, started when first needed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "quantumgate/node.h"

namespace quantumgate::files {

class Pool {
 public:
  explicit Pool(Node& node) : node_(&node) {}
  ~Pool();  // waits for what is being done
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `work` runs on one of the threads and returns what shall run on the node's.
  void run(std::function<std::function<void()>()> work);
  // Runs `work` on the node's thread, no earlier than after `delay`.
  void after(std::chrono::milliseconds delay, std::function<void()> work);
  // Nothing is posted after this returns: the node may go.
  void detach();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kThreads = 4;
  void start_thread();  // if one more is allowed
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<std::function<void()>()>> jobs_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  Node* node_;
  bool ending_ = false;
  std::size_t idle_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace quantumgate::files
