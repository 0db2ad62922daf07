// SPDX-License-Identifier: MIT
#include "stream/byte_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::stream {

namespace {
constexpr std::size_t kBlockSize = 4096 - 2 * sizeof(void*);  // with the link and the allocator's word 4 KiB
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kSpareBlocksMax = 0;  // so that a stale view of a block is found
#else
constexpr std::size_t kSpareBlocksMax = 1024;  // 4 MiB
#endif
}  // namespace

struct Block {
  Block() noexcept = default;
  ~Block() { wipe(bytes); }  // given back to the system, not to the next queue: docs/design/secrets.md
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::unique_ptr<Block> next;
  std::array<std::byte, kBlockSize> bytes;
};

namespace {

// Blocks on their way from one queue to the next one of this thread: a stream under way takes and gives one for every
// three packets.
class SpareBlocks {
 public:
  ~SpareBlocks() {
    while (first_) first_ = std::move(first_->next);  // one by one: a chain of destructors would recurse
  }
  std::unique_ptr<Block> take() {
    if (!first_) return std::make_unique_for_overwrite<Block>();
    --count_;
    return std::exchange(first_, std::move(first_->next));
  }
  void give(std::unique_ptr<Block> block) noexcept {
    if (count_ == kSpareBlocksMax) return;
    ++count_;
    block->next = std::move(first_);
    first_ = std::move(block);
  }

 private:
  std::unique_ptr<Block> first_;
  std::size_t count_ = 0;
};
thread_local SpareBlocks spare_blocks;

}  // namespace

ByteQueue::ByteQueue() noexcept = default;
ByteQueue::~ByteQueue() { clear(); }

void ByteQueue::append(BytesView bytes) {
  while (!bytes.empty()) {
    if (!tail_ || end_ == kBlockSize) {
      auto& link = tail_ ? tail_->next : head_;
      link = spare_blocks.take();
      if (!tail_) begin_ = 0;
      tail_ = link.get();
      end_ = 0;
    }
    const std::size_t count = std::min(bytes.size(), kBlockSize - end_);
    std::memcpy(tail_->bytes.data() + end_, bytes.data(), count);
    end_ += count;
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

std::size_t ByteQueue::end_of(const Block& block) const noexcept { return &block == tail_ ? end_ : kBlockSize; }

void ByteQueue::drop_head() noexcept {
  std::unique_ptr<Block> block = std::exchange(head_, std::move(head_->next));
  spare_blocks.give(std::move(block));
  begin_ = 0;
  if (!head_) {
    tail_ = nullptr;
    end_ = 0;
  }
}

std::size_t ByteQueue::read(MutableBytesView out) noexcept {
  std::size_t total = 0;
  while (total < out.size() && size_ > 0) {
    const std::size_t count = std::min(out.size() - total, end_of(*head_) - begin_);
    std::memcpy(out.data() + total, head_->bytes.data() + begin_, count);
    total += count;
    drop_front(count);
  }
  return total;
}

void ByteQueue::drop_front(std::size_t count) noexcept {
  CHECK(count <= size_);
  size_ -= count;
  while (count > 0) {
    const std::size_t here = std::min(count, end_of(*head_) - begin_);
    begin_ += here;
    count -= here;
    if (begin_ == end_of(*head_)) drop_head();
  }
}

void ByteQueue::drop_back(std::size_t count) noexcept {
  CHECK(count <= size_);
  std::size_t kept = size_ - count;
  if (kept == 0) return clear();
  size_ = kept;
  Block* block = head_.get();
  std::size_t from = begin_;
  while (kept > kBlockSize - from) {
    kept -= kBlockSize - from;
    from = 0;
    block = block->next.get();
  }
  while (block->next) {
    std::unique_ptr<Block> last = std::exchange(block->next, std::move(block->next->next));
    spare_blocks.give(std::move(last));
  }
  tail_ = block;
  end_ = from + kept;
}

void ByteQueue::clear() noexcept {
  while (head_) drop_head();  // one by one: a chain of destructors would recurse
  size_ = 0;
}

std::array<BytesView, 2> ByteQueue::peek(Position& position) const noexcept {
  if (!position.block) position = {head_.get(), begin_};
  if (!position.block) return {};
  if (position.offset == end_of(*position.block) && position.block->next) position = {position.block->next.get(), 0};
  const Block& first = *position.block;
  std::array<BytesView, 2> views{BytesView(first.bytes).subspan(position.offset, end_of(first) - position.offset)};
  if (first.next) views[1] = BytesView(first.next->bytes).first(end_of(*first.next));
  return views;
}

void ByteQueue::advance(Position& position, std::size_t count) const noexcept {
  for (const BytesView piece : peek(position)) {
    const std::size_t here = std::min(count, piece.size());
    if (here == 0) break;
    if (piece.data() == position.block->bytes.data() + position.offset) {
      position.offset += here;
    } else {
      position = {position.block->next.get(), here};
    }
    count -= here;
  }
  CHECK(count == 0);
}

}  // namespace quantumgate::stream
