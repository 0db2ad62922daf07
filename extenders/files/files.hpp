// SPDX-License-Identifier: MIT
// Files: sends a file to a connected peer, which has said beforehand into which folder it takes files. The file appears
// there whole, its SHA-256 verified, or not at all.
// Spec: docs/spec/extenders/files.md.
// Threads: all on the node's thread, in pieces of 256 KiB; syncing and naming a received file is done on a thread of
// our own, which posts back.   Ownership: borrows the node between on_start and on_stop.
// Bounds: 64 files each way at the same time, 8 from one peer.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "quantumgate/extender.h"
#include "quantumgate/node.h"

namespace quantumgate::files {

inline constexpr char kName[] = "org.quantumgate.files/1";
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kPieceBytes = 256 * 1024;
inline constexpr std::size_t kTransfersMax = 64;  // each way
inline constexpr std::size_t kTransfersPerPeerMax = 8;
inline constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 62;  // as the spec bounds it

// Why a transfer ended. As stream error codes they travel: 256 + the value (docs/spec/extenders/files.md, section 4).
enum class Reason : std::uint8_t {
  malformed = 0,       // the peer did not follow the spec
  not_accepting = 1,   // the receiver takes no files now
  bad_name = 2,        // a name that could lead out of the folder or deceive
  exists = 3,          // a file of that name is there already
  too_large = 4,       // larger than the receiver takes
  no_space = 5,        // disk or quota full
  write_failed = 6,    // the receiver can not write
  digest_differs = 7,  // what arrived is not what was sent
  cancelled = 8,       // a user stopped it
  source_changed = 9,  // the file was changed while it was sent
  busy = 10,           // too many transfers
  read_failed = 11,    // the sender can not read
  stopping = 12,       // the node of one side stops
  // Never sent, only reported:
  not_connected = 100,  // no session with the peer
  lost = 101,           // the session ended: the peer is gone or not reachable
  no_service = 102,     // the peer runs no file service
  not_a_file = 103,     // the path names no regular file
};
const char* describe(Reason reason) noexcept;

using Digest = std::array<std::byte, 32>;  // SHA-256

// Whether `name` may become a file's name here: 1 to 255 bytes of UTF-8, no '/', '\', control or direction-changing
// character, no dot in front.
bool is_safe_name(std::string_view name) noexcept;

struct Transfer {
  std::uint64_t id = 0;
  PeerUuid peer;
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t done_bytes = 0;
};

struct Failure {
  Reason reason;
  int os = 0;  // errno where the operating system refused, else 0
};

// What a side is told; any of them may be empty. `on_end` comes once, last.
struct SendObserver {
  std::function<void(const Transfer&)> on_accepted;
  std::function<void(const Transfer&)> on_progress;
  std::function<void(const Transfer&, std::optional<Failure>, const Digest&)> on_end;
};
struct ReceiveObserver {
  std::function<void(const Transfer&)> on_begin;
  std::function<void(const Transfer&)> on_progress;
  std::function<void(const Transfer&, std::optional<Failure>, const Digest&)> on_end;  // once for each on_begin
};

struct AcceptOptions {
  std::uint64_t size_max = kSizeMax;  // of one file; free space bounds it anyway
};

class Files final : public Extender {
 public:
  Files();
  ~Files() override;  // waits for files that are being named

  // Offers `file` under `name` (empty: its last path element). Nothing is sent before the peer has accepted.
  // Returns the transfer's id. Failures are reported through `observer` too, later, never inside this call.
  std::uint64_t send(const PeerUuid& peer, const std::filesystem::path& file, std::string name, SendObserver observer);

  // Takes files into `folder` from now on, in place of what was set before.
  // Errors: not_found, permission_denied, invalid_argument (no folder), system.
  Result<void> accept(const std::filesystem::path& folder, AcceptOptions options, ReceiveObserver observer);
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
  class Worker;

  void begin_sending(std::shared_ptr<Sending> out, const std::filesystem::path& file);
  void pump(std::shared_ptr<Sending> out);
  void take_answer(std::shared_ptr<Sending> out);
  void end_sending(std::shared_ptr<Sending> out, std::optional<Failure> failure, bool tell_peer);

  void take(std::shared_ptr<Receiving> in);
  std::optional<Failure> take_offer(Receiving& in);
  void take_data(std::shared_ptr<Receiving> in);
  void end_receiving(std::shared_ptr<Receiving> in, std::optional<Failure> failure, bool tell_peer);

  Node* node_ = nullptr;
  std::shared_ptr<Target> target_;
  std::list<std::shared_ptr<Sending>> sending_;
  std::list<std::shared_ptr<Receiving>> receiving_;
  std::uint64_t transfers_ = 0;
  std::unique_ptr<Worker> worker_;
};

}  // namespace quantumgate::files
