// SPDX-License-Identifier: MIT
#include "node/datagrams.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "session/constants.hpp"

namespace quantumgate::node {

DatagramId datagram_id(std::string_view extender) {
  const auto digest = crypto::sha256({as_bytes("QuantumGate datagram v1"), as_bytes(extender)});
  DatagramId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

Result<void> Datagrams::send(const DatagramId& id, BytesView datagram) {
  if (queue_.size() == session::kDatagramsQueuedMax) return fail(ErrorCode::would_block, "sending a datagram");
  WipedBytes& body = queue_.emplace_back();
  body.reserve(id.size() + datagram.size());
  body.insert(body.end(), id.begin(), id.end());
  body.insert(body.end(), datagram.begin(), datagram.end());
  return {};
}

std::size_t Datagrams::poll_transmit(TimePoint now, MutableBytesView out) {
  // One that was queued for a larger path is as good as lost on this one.
  while (!queue_.empty() && queue_.front().size() > out.size()) queue_.pop_front();
  if (queue_.empty() || !window_.may_send(now)) return 0;
  const WipedBytes& body = queue_.front();
  const std::size_t size = body.size();
  std::ranges::copy(body, out.begin());
  queue_.pop_front();
  window_.sent(now);
  return size;
}

std::optional<TimePoint> Datagrams::deadline() const {
  const auto count = window_.count_deadline();
  const auto next = queue_.empty() ? std::nullopt : window_.deadline();
  if (!next || (count && *count < *next)) return count;
  return next;
}

}  // namespace quantumgate::node
