// SPDX-License-Identifier: MIT
#include "session/key_epochs.hpp"

#include "base/byte_order.hpp"

namespace quantumgate::session {

KeyEpochs::Sending::Sending(const handshake::Suite& suite, const Secret<32>& secret, std::uint32_t remote_index)
    : index(remote_index), cipher(suite.algorithms.aead, PacketKeys::derive(suite.algorithms.hash, secret)) {}

KeyEpochs::Receiving::Receiving(const handshake::Suite& suite, const Secret<32>& secret, ReceiverIndex local_index)
    : index(std::move(local_index)),
      cipher(std::in_place, suite.algorithms.aead, PacketKeys::derive(suite.algorithms.hash, secret)) {}

KeyEpochs::KeyEpochs(const handshake::Established& established, handshake::IndexAllocator& indexes)
    : suite_(*established.suite),
      sending_(std::make_unique<Sending>(suite_, established.secrets.sending, established.remote_index)),
      current_(std::make_unique<Receiving>(suite_, established.secrets.receiving,
                                           ReceiverIndex(indexes, established.local_index))) {}

KeyEpochs::Receiving* KeyEpochs::find(std::uint32_t index) const noexcept {
  if (current_->index.value() == index) return current_.get();
  if (next_ && next_->index.value() == index) return next_.get();
  if (old_ && old_->index.value() == index) return old_.get();
  return nullptr;
}

KeyEpochs::Opened KeyEpochs::open(TimePoint now, MutableBytesView packet) {
  if (packet.size() < kPacketOverhead) return {Verdict::unauthentic};
  Receiving* const keys = find(load_be<std::uint32_t>(packet.first<kIndexSize>()));
  if (keys == nullptr) return {Verdict::unauthentic};  // an index for keys that are not made yet
  const auto opened = keys->cipher->open(keys->window.next(), packet);
  if (!opened) {
    forgeries_max_ = std::max(forgeries_max_, ++keys->forgeries);
    return {Verdict::unauthentic};
  }
  const bool first = keys->window.next() == 0;
  if (!keys->window.accept(opened->counter)) return {Verdict::replayed};
  keys->bytes += packet.size();
  if (keys == next_.get()) take_over(now);
  const bool newest = keys == current_.get() && opened->counter + 1 == keys->window.next();
  return {Verdict::accepted, first, newest, opened->content};
}

void KeyEpochs::take_over(TimePoint now) {
  old_ = std::move(current_);
  current_ = std::move(next_);
  if (next_sending_) sending_ = std::move(next_sending_);
  grace_end_ = now + kKeyGrace;
}

void KeyEpochs::add(KeyUpdate::NewKeys keys, bool at_once) {
  next_ = std::make_unique<Receiving>(suite_, keys.secrets.receiving, std::move(keys.local_index));
  auto sending = std::make_unique<Sending>(suite_, keys.secrets.sending, keys.remote_index);
  (at_once ? sending_ : next_sending_) = std::move(sending);
}

void KeyEpochs::wipe() noexcept {
  sending_.reset();
  next_sending_.reset();
  for (Receiving* keys : {current_.get(), next_.get(), old_.get()}) {
    if (keys != nullptr) keys->cipher.reset();
  }
}

std::size_t KeyEpochs::receiving_count() const noexcept {
  const std::array sets{current_.get(), next_.get(), old_.get()};
  return static_cast<std::size_t>(
      std::ranges::count_if(sets, [](const Receiving* keys) { return keys != nullptr && keys->cipher.has_value(); }));
}

void KeyEpochs::on_deadline(TimePoint now) {
  if (!grace_end_ || now < *grace_end_) return;
  grace_end_.reset();
  old_.reset();
}

}  // namespace quantumgate::session
