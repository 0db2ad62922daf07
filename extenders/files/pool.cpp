// SPDX-License-Identifier: MIT
#include "extenders/files/pool.hpp"

#include <utility>

namespace quantumgate::files {

Pool::~Pool() {
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::run(std::function<std::function<void()>()> work) {
  const std::lock_guard guard(mutex_);
  if (node_ == nullptr) return;
  jobs_.push_back(std::move(work));
  if (jobs_.size() > idle_) start_thread();
  changed_.notify_one();
}

void Pool::after(std::chrono::milliseconds delay, std::function<void()> work) {
  const std::lock_guard guard(mutex_);
  if (node_ == nullptr) return;
  timers_.emplace(Clock::now() + delay, std::move(work));
  if (idle_ == 0) start_thread();
  changed_.notify_all();  // whoever waits now, waits shorter
}

void Pool::detach() {
  decltype(jobs_) jobs;
  decltype(timers_) timers;
  const std::lock_guard guard(mutex_);
  node_ = nullptr;
  std::swap(jobs, jobs_);
  std::swap(timers, timers_);
}

void Pool::start_thread() {
  if (threads_.size() < kThreads) threads_.emplace_back([this] { serve(); });
}

void Pool::serve() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
      auto work = std::move(timers_.extract(timers_.begin()).mapped());
      if (node_ != nullptr) node_->post(std::move(work));
      continue;
    }
    if (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      auto result = job();
      job = {};  // what it holds may have to be closed, which waits for the disk too
      lock.lock();
      if (node_ != nullptr && result) node_->post(std::move(result));
      continue;
    }
    ++idle_;
    if (timers_.empty()) {
      changed_.wait(lock);
    } else {
      const auto due = timers_.begin()->first;
      changed_.wait_until(lock, due);
    }
    --idle_;
  }
}

}  // namespace quantumgate::files
