// SPDX-License-Identifier: MIT
// A queue through its elements: each brings its own links, so that queueing allocates nothing and removal from the
// middle is a matter of two pointers. An element stands in a queue at most once.
// Layer: stream.   Threads: one object, one thread.   Ownership: borrows its elements, which must leave before they
// die.
#pragma once

namespace quantumgate::stream {

template <class T>
struct QueueLinks {
  T* previous = nullptr;
  T* next = nullptr;
  bool queued = false;
};

// `kLinks` says which of its links T lends to this queue.
template <class T, QueueLinks<T> T::*kLinks>
class LinkedQueue {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  T* front() const noexcept { return first_; }
  static T* after(const T& element) noexcept { return (element.*kLinks).next; }
  static bool holds(const T& element) noexcept { return (element.*kLinks).queued; }

  // Nothing happens if it is queued already.
  void push_back(T& element) noexcept {
    if (holds(element)) return;
    element.*kLinks = {last_, nullptr, true};
    (last_ ? (last_->*kLinks).next : first_) = &element;
    last_ = &element;
  }
  // Nothing happens if it is not queued.
  void remove(T& element) noexcept {
    if (!holds(element)) return;
    const QueueLinks<T> links = element.*kLinks;
    (links.previous ? (links.previous->*kLinks).next : first_) = links.next;
    (links.next ? (links.next->*kLinks).previous : last_) = links.previous;
    element.*kLinks = {};
  }
  T* pop_front() noexcept {
    T* const element = first_;
    if (element) remove(*element);
    return element;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace quantumgate::stream
