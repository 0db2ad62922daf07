// SPDX-License-Identifier: MIT
// Files: sends files and folders to a connected peer, which has said beforehand into which folder it takes them. A file
// appears there whole, its SHA-256 verified, or not at all; what a broken transfer has brought is kept, hidden, and the
// same peer goes on with it when it sends the same again.
// Spec: docs/spec/extenders/files.md.
// Threads: all calls and callbacks on the node's thread; reading, hashing and writing is done on at most 4 threads of
// our own.   Ownership: borrows the node between on_start and on_stop. Bounds: 16 transfers each way at the same time,
// 8 from one peer; those of manifest.hpp and channel.hpp for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "extenders/files/manifest.hpp"
#include "extenders/files/partial_store.hpp"
#include "extenders/files/types.hpp"
#include "quantumgate/address.h"
#include "quantumgate/extender.h"
#include "quantumgate/node.h"

namespace quantumgate::files {

inline constexpr char kName[] = "org.quantumgate.files/2";
inline constexpr std::size_t kTransfersMax = 16;  // each way
inline constexpr std::size_t kTransfersPerPeerMax = 8;

struct SendOptions {
  std::string name;    // for a single file or folder: under which name it is offered; empty: its own
  bool resume = true;  // false: the receiver throws away what it has of these files from broken transfers
  // When the connection breaks after the receiver has accepted: for how long, since the last progress, the peer is
  // dialled again to go on. 0: not at all.
  std::chrono::seconds retry_for{0};
  // Where to dial it then, beside the place where its datagrams came from.
  std::vector<HostPort> hosts;
};

struct AcceptOptions {
  std::uint64_t size_max = kSizeMax;  // of one transfer; free space bounds it anyway
  PartialLimits partial;
};

class Files final : public Extender {
 public:
  Files();
  ~Files() override;  // waits for the files that are being worked on

  // Offers the files and folders `paths`. Nothing of them is sent before the peer has accepted. Returns the transfer's
  // id. Failures are reported through `observer` too, later, never inside this call.
  std::uint64_t send(const PeerUuid& peer, std::vector<std::filesystem::path> paths, SendOptions options,
                     Observer observer);

  // Takes files into `folder` from now on, in place of what was set before. Removes what is kept there beyond the
  // limits. Errors: not_found, permission_denied, invalid_argument (no folder), system.
  Result<void> accept(const std::filesystem::path& folder, AcceptOptions options, Observer observer);
  // Takes no more. Those being received go on.
  void refuse();
  bool accepting() const noexcept;

  // Breaks a transfer off, either way. Ignored when it is over.
  void cancel(std::uint64_t id);

  void on_start(Node& node) override;
  void on_stop() override;
  void on_stream(std::shared_ptr<Stream> stream) override;

 private:
  struct Sending;
  struct Receiving;
  struct Target;

  void offer(std::shared_ptr<Sending> out);
  void broken(std::shared_ptr<Sending> out, const Failure& failure);
  void dial(std::shared_ptr<Sending> out);
  void end_sending(std::shared_ptr<Sending> out, const std::optional<Failure>& failure);
  void end_receiving(std::shared_ptr<Receiving> in, const std::optional<Failure>& failure);

  Node* node_ = nullptr;
  std::unique_ptr<class Pool> pool_;
  std::shared_ptr<Target> target_;
  std::list<std::shared_ptr<Sending>> sending_;
  std::list<std::shared_ptr<Receiving>> receiving_;
  std::uint64_t transfers_ = 0;
};

}  // namespace quantumgate::files
