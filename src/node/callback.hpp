// SPDX-License-Identifier: MIT
// A callback that may replace itself, or remove itself, while it runs. It is moved aside for that rather than copied: a
// copy would allocate for every event.
// Layer: node.   Threads: one object, one thread. The object must outlive a call under way.
#pragma once

#include <functional>
#include <utility>

namespace quantumgate::node {

class Callback {
 public:
  void set(std::function<void()> callback) {
    callback_ = std::move(callback);
    replaced_ = true;
  }
  void call() {
    if (!callback_) return;
    replaced_ = false;
    auto running = std::exchange(callback_, nullptr);
    running();
    if (!replaced_) callback_ = std::move(running);
  }

 private:
  std::function<void()> callback_;
  bool replaced_ = false;  // since the last call() began
};

}  // namespace quantumgate::node
