// SPDX-License-Identifier: MIT
// The sending side of one transfer.
// Spec: docs/spec/extenders/files.md, sections 1 and 4.   Threads: see party.hpp.
// Bounds: 64 open files, one turn's output.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "extenders/files/descriptor.hpp"
#include "extenders/files/frames.hpp"
#include "extenders/files/party.hpp"
#include "extenders/files/plan.hpp"
#include "extenders/files/sha256.hpp"

namespace quantumgate::files {

class Sender final : public Party {
 public:
  Sender(std::shared_ptr<const Plan> plan, bool resume);
  ~Sender() override;

  Turn turn(BytesView input, bool may_speak, Bytes room = {}) override;
  const Transfer& transfer() const noexcept override { return transfer_; }
  bool begun() const noexcept override { return begun_; }

 private:
  enum class State : std::uint8_t { offered, wanted, sent, over };
  struct Source;

  std::optional<Failure> take(const Frame& frame, Turn& turn);
  void prove(Turn& turn);
  void send(Turn& turn);
  std::optional<Failure> begin_file(std::size_t index, std::uint64_t offset, Turn& turn);
  std::optional<Failure> send_piece(Turn& turn);
  void abandon(std::size_t index, Failure failure, Turn& turn);
  void close(std::size_t index, Item::How how, std::optional<Failure> failure, Turn& turn);

  std::shared_ptr<const Plan> plan_;
  bool resume_;
  bool offered_ = false;
  bool begun_ = false;
  Transfer transfer_;
  FrameReader reader_;
  std::vector<State> states_;
  std::size_t over_ = 0;
  std::size_t in_flight_ = 0;
  std::map<std::size_t, Source> sources_;                         // opened: to be proven, proven, or being sent
  std::deque<std::size_t> proofs_;                                // to be made
  std::deque<std::pair<std::size_t, std::uint64_t>> ready_;       // to be sent, from which offset on
  std::optional<std::size_t> current_;                            // being sent
  std::map<std::size_t, std::pair<std::uint64_t, Digest>> sent_;  // sent and not answered yet: offset, digest
};

}  // namespace quantumgate::files
