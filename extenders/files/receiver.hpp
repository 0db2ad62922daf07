// SPDX-License-Identifier: MIT
// The receiving side of one transfer.
// Spec: docs/spec/extenders/files.md, sections 1, 4 and 5.   Threads: see party.hpp.
// Bounds: the manifest's (manifest.hpp), 64 open files.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "extenders/files/frames.hpp"
#include "extenders/files/manifest.hpp"
#include "extenders/files/partial_store.hpp"
#include "extenders/files/party.hpp"
#include "extenders/files/sha256.hpp"

namespace quantumgate::files {

class Receiver final : public Party {
 public:
  // `folder`: a descriptor of the folder for received files. `size_max`: of all files of the transfer together.
  Receiver(std::shared_ptr<const Descriptor> folder, const PeerUuid& peer, std::uint64_t size_max,
           PartialLimits limits);
  ~Receiver() override;  // what is unfinished stays, within the limits

  Turn turn(BytesView input, bool may_speak, Bytes room = {}) override;
  const Transfer& transfer() const noexcept override { return transfer_; }
  bool begun() const noexcept override { return begun_; }

 private:
  enum class State : std::uint8_t { listed, comparing, wanted, coming, over };
  struct Comparison;
  struct Incoming;

  std::optional<Failure> take_manifest(BytesView& input);
  std::optional<Failure> look_for_room() const;
  std::optional<Failure> take(const Frame& frame, Turn& turn);
  std::optional<Failure> take_file(const Frame& frame, Turn& turn);
  std::optional<Failure> take_end(const Frame& frame, Turn& turn);
  // Names the files that came to their end in this turn.
  std::optional<Failure> commit(Turn& turn);
  // Asks for the next entries, as far as their number in flight allows.
  void ask(Turn& turn);
  void ask_for(std::size_t index, Turn& turn);
  void make_folder(std::size_t index, Turn& turn);
  // Hashes what is here already, a slice at a time.
  void compare(Turn& turn);
  void decide(std::size_t index, Turn& turn);
  void want(std::size_t index, std::uint64_t offset, Turn& turn);
  void refuse(std::size_t index, Reason reason, int os, Turn& turn);
  void close(std::size_t index, Item item, Turn& turn);
  void stamp_folders() const;

  std::shared_ptr<const Descriptor> folder_;
  PartialStore store_;
  std::uint64_t size_max_;
  PartialLimits limits_;
  Bytes head_;  // of the stream: the manifest, until it is whole
  bool begun_ = false;
  Manifest manifest_;
  Transfer transfer_;
  FrameReader reader_;
  std::vector<State> states_;
  std::size_t next_ = 0;  // to be asked for
  std::size_t over_ = 0;
  std::size_t in_flight_ = 0;
  std::unordered_map<std::string_view, Reason> closed_;  // folders that nothing comes into, and why
  std::unordered_set<std::string_view> foreign_;         // roots that were here and are not this peer's to add to
  std::vector<std::size_t> made_;                        // folders whose time is to be stamped at the end
  std::map<std::size_t, std::unique_ptr<Comparison>> comparisons_;
  std::deque<std::size_t> hashing_;
  std::map<std::size_t, std::unique_ptr<Incoming>> opened_;               // what will be continued
  std::vector<std::pair<std::size_t, std::unique_ptr<Incoming>>> whole_;  // verified, to be named
  std::unique_ptr<Incoming> current_;
  std::size_t current_index_ = 0;
  int lock_waits_ = 0;
  bool skipping_ = false;  // of a file that was refused while it came
};

}  // namespace quantumgate::files
