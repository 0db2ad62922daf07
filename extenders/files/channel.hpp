// SPDX-License-Identifier: MIT
// Joins one side of a transfer with its stream: what arrives goes to the party on a pool thread, what it says goes back
// on the node's, and nothing more is read while the party is behind.
// Threads: the node's; the party's turns run in the pool, one at a time.
// Bounds: 2 MiB of input and 2 MiB of output waiting, one turn's of each, and as much memory kept for the next.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "extenders/files/party.hpp"
#include "extenders/files/pool.hpp"
#include "quantumgate/stream.h"

namespace quantumgate::files {

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  struct Callbacks {
    // After each turn; `items` are over since the one before.
    std::function<void(const Transfer&, bool begun, const std::vector<Item>& items)> on_turn;
    // Once, last. No failure: every item is over.
    std::function<void(const std::optional<Failure>&)> on_end;
  };

  Channel(Pool& pool, std::shared_ptr<Stream> stream, std::unique_ptr<Party> party, Callbacks callbacks);
  void start();
  // Breaks the transfer off; the peer is told why.
  void stop(const Failure& failure);

 private:
  struct Job;
  void read();
  void go_on();
  void run_turn(bool may_speak);
  void take(Job& job);
  void flush();
  void lost(std::optional<Error> error, std::uint64_t code);
  void end(const std::optional<Failure>& failure, bool tell_peer);
  Pool& pool_;
  std::shared_ptr<Stream> stream_;
  std::shared_ptr<Party> party_;  // used by the pool while `running_`
  Callbacks callbacks_;
  Bytes input_;               // the first `arrived_` bytes
  std::size_t arrived_ = 0;   //
  std::deque<Bytes> output_;  // of some turns; the part of the first before `sent_` is with the stream already
  std::size_t sent_ = 0;
  std::size_t unsent_ = 0;        // bytes in all of output_
  Bytes spare_input_;             // memory to use again
  Bytes spare_output_;            //
  std::uint64_t told_bytes_ = 0;  // Transfer::done_bytes as it was told last
  bool running_ = false;
  bool more_ = true;
  bool finished_ = false;          // the party has nothing more to say
  bool over_ = false;              // on_end was called
  std::optional<Failure> closed_;  // the stream is gone
};

// What the end of a stream means to a side that has not come to its end yet.
Failure failure_of(const std::optional<Error>& error, std::uint64_t code);
// The code to reset a stream with.
std::uint64_t code_of(Reason reason);

}  // namespace quantumgate::files
