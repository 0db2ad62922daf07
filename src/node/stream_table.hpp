// SPDX-License-Identifier: MIT
// Whose the streams of one session are: of streams that the peer has opened, it collects the header; each one's owner
// is told what happens to it.
// Spec: docs/spec/04-streams.md, section 7.   Layer: node.   Threads: the connection's.
// Bounds: the streams that the peer may open, and ours.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "node/stream_owner.hpp"
#include "wire/stream_header.hpp"

namespace quantumgate::node {

class StreamTable {
 public:
  // A stream of the peer, not owned yet, and its header; `malformed` if it is none: whoever is told resets it.
  using Accept = std::function<void(stream::StreamId, const Result<wire::StreamHeader>&)>;

  void own(stream::StreamId id, std::shared_ptr<StreamOwner> owner) { owners_[id] = std::move(owner); }
  bool is_owned(stream::StreamId id) const { return owners_.contains(id); }
  // Drops the owner without a word.
  void drop(stream::StreamId id) { owners_.erase(id); }
  // announce_readable() at the next serve(), although nothing new arrives.
  void wake(stream::StreamId id) { woken_.push_back(id); }

  // Hands out what has happened to the streams. User code runs in here; it may own, drop, wake and reset.
  void serve(stream::Streams& streams, const Accept& accept);
  // The session is over: announce_closed(error) to every owner.
  void end(const Error& error);

  std::size_t incomplete() const noexcept { return headers_.size(); }  // streams whose header has not come yet
  bool empty() const noexcept { return owners_.empty(); }

 private:
  void deliver(stream::Streams& streams, const stream::Event& event, const Accept& accept);
  void read_header(stream::Streams& streams, stream::StreamId id, const Accept& accept);

  std::map<stream::StreamId, Bytes> headers_;  // as far as they came
  std::map<stream::StreamId, std::shared_ptr<StreamOwner>> owners_;
  std::vector<stream::StreamId> woken_;
};

}  // namespace quantumgate::node
