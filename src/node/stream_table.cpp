// SPDX-License-Identifier: MIT
#include "node/stream_table.hpp"

#include <utility>

#include "quantumgate/stream.h"

namespace quantumgate::node {

void StreamTable::serve(stream::Streams& streams, const Accept& accept) {
  for (const stream::StreamId id : std::exchange(woken_, {})) {
    if (const auto found = owners_.find(id); found != owners_.end()) {
      const auto owner = found->second;  // it may be dropped in the callback
      owner->announce_readable();
    }
  }
  while (const auto event = streams.poll_event()) deliver(streams, *event, accept);
}

void StreamTable::deliver(stream::Streams& streams, const stream::Event& event, const Accept& accept) {
  using Kind = stream::Event::Kind;
  if (event.kind == Kind::opened) {
    headers_.emplace(event.stream, Bytes{});
    return;
  }
  if (headers_.contains(event.stream)) {
    if (event.kind == Kind::readable) read_header(streams, event.stream, accept);
    if (event.kind == Kind::closed || event.kind == Kind::reset) headers_.erase(event.stream);
    return;
  }
  const auto found = owners_.find(event.stream);
  if (found == owners_.end()) return;
  const std::shared_ptr<StreamOwner> owner = found->second;  // it may be dropped in the callback
  switch (event.kind) {
    case Kind::opened:
      break;
    case Kind::readable:
      owner->announce_readable();
      break;
    case Kind::writable:
      owner->announce_writable();
      break;
    case Kind::acknowledged:
      owner->announce_acknowledged();
      break;
    case Kind::closed:
      owners_.erase(found);
      owner->announce_closed(std::nullopt, kStreamNoError);
      break;
    case Kind::reset:
      owners_.erase(found);
      owner->announce_closed(Error{ErrorCode::reset, "using a stream"}, event.code);
      break;
  }
}

void StreamTable::read_header(stream::Streams& streams, stream::StreamId id, const Accept& accept) {
  Bytes& header = headers_.at(id);
  for (;;) {
    const auto wanted = wire::StreamHeader::size(header);
    if (!wanted || *wanted == header.size()) break;
    const std::size_t had = header.size();
    header.resize(*wanted);
    header.resize(had + streams.read(id, MutableBytesView(header).subspan(had)));
    if (header.size() > had) continue;
    if (!streams.at_end(id)) return;  // the rest is still on its way
    break;
  }
  const auto decoded = wire::StreamHeader::decode(header);
  headers_.erase(id);
  accept(id, decoded);
}

void StreamTable::end(const Error& error) {
  headers_.clear();
  woken_.clear();
  while (!owners_.empty()) {
    const auto owner = owners_.extract(owners_.begin()).mapped();
    owner->announce_closed(error, kStreamNoError);
  }
}

}  // namespace quantumgate::node
