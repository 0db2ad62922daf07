// SPDX-License-Identifier: MIT
// The messages of one connection, each kind (extender, priority, direction) on a stream of its own that lives while
// there are messages.
// Spec: docs/spec/04-streams.md, section 8.   Layer: node.
// Threads: the connection's; Messages handed out may be destroyed on any.
// Bounds: going out, for each extender and priority the stream's send buffer and one message; coming in, for each
// extender 1,024 messages or 4 MiB in the extender's hands, and for each priority a message being put together and two
// streams.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "node/stream_owner.hpp"
#include "quantumgate/message.h"
#include "quantumgate/result.h"
#include "wire/stream_header.hpp"

namespace quantumgate::node {

inline constexpr std::size_t kMessagesHeldMax = 1024;
inline constexpr std::size_t kMessageBytesHeldMax = 4 << 20;

class MessageHost {
 public:
  virtual ~MessageHost() = default;
  // A stream of ours with `kind` and `name` in its header, owned by `owner`. `limit`: too many are open.
  virtual Result<stream::StreamId> open_message_stream(wire::StreamKind kind, const std::string& extender,
                                                       Priority priority) = 0;
  virtual void own(stream::StreamId id, std::shared_ptr<StreamOwner> owner) = 0;
  // Nothing if there is no extender of that name.
  virtual std::optional<std::size_t> message_size_max(const std::string& extender) const = 0;
  // User code runs in these two.
  virtual void on_message(const std::string& extender, Message message) = 0;
  virtual void on_message_room(const std::string& extender) = 0;
  // Something that runs `work` on the connection's thread, if the connection still exists then. May be called, and
  // destroyed, on any thread and after the connection is gone.
  virtual std::function<void(std::function<void()>)> poster() = 0;
};

using MessageDone = std::function<void(Result<void>)>;

class Messages {
 public:
  Messages(StreamHub& hub, MessageHost& host) : hub_(hub), host_(host) {}
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  // As Node::send_message, of a valid name and a size that fits. `compress`: it may be.
  Result<void> send(const std::string& extender, BytesView message, Priority priority, bool compress, MessageDone done);
  // The peer has opened a stream of messages.
  void accept(stream::StreamId id, const wire::StreamHeader& header);

  // Ends streams that have had nothing to send for kMessageIdle.
  void tidy(TimePoint now);
  std::optional<TimePoint> deadline() const noexcept { return tidy_at_; }

 private:
  class Sender;
  class Receiver;
  class Held;
  struct Incoming {
    std::shared_ptr<Held> held;
    std::array<std::deque<std::shared_ptr<Receiver>>, 3> receivers;  // by priority; the first is being read
  };

  void receive_next(const std::string& extender, Priority priority);
  void resume(const std::string& extender);

  StreamHub& hub_;
  MessageHost& host_;
  std::map<std::pair<std::string, Priority>, std::shared_ptr<Sender>> senders_;
  std::map<std::string, Incoming> incoming_;  // of extenders of ours that have streams now
  std::optional<TimePoint> tidy_at_;
};

}  // namespace quantumgate::node
