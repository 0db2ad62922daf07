// SPDX-License-Identifier: MIT
// An index of ours that is given back when it is no longer needed.   Spec: docs/spec/03-session.md, section 1.
// Layer: session (sans-I/O).   Ownership: borrows the IndexAllocator, which outlives it.
#pragma once

#include <utility>

#include "handshake/responder.hpp"

namespace quantumgate::session {

class ReceiverIndex {
 public:
  // Owns `index`, which `allocator` has given out.
  ReceiverIndex(handshake::IndexAllocator& allocator, std::uint32_t index) : allocator_(&allocator), index_(index) {}
  ReceiverIndex(ReceiverIndex&& other) noexcept
      : allocator_(std::exchange(other.allocator_, nullptr)), index_(other.index_) {}
  ReceiverIndex& operator=(ReceiverIndex&&) = delete;
  ~ReceiverIndex() {
    if (allocator_ != nullptr) allocator_->release(index_);
  }

  std::uint32_t value() const noexcept { return index_; }

 private:
  handshake::IndexAllocator* allocator_;  // null: moved away
  std::uint32_t index_;
};

}  // namespace quantumgate::session
