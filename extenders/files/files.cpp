// SPDX-License-Identifier: MIT
#include "extenders/files/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "extenders/common/utf8.hpp"
#include "extenders/files/partial_file.hpp"
#include "extenders/files/sha256.hpp"

namespace quantumgate::files {
namespace {

constexpr std::byte kAccepted{1};  // the receiver's answer to an offer
constexpr std::byte kDone{2};      // ... and to a whole, verified, stored file
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kSizeBytes = 8;
constexpr std::uint64_t kCodeBase = 256;  // stream error code of Reason{0}
constexpr auto kLastSent = Reason::stopping;

std::uint64_t code_of(Reason reason) { return kCodeBase + static_cast<std::uint64_t>(reason); }

// What the end of a stream means, to a side that has not come to its end yet.
Failure failure_of(const std::optional<Error>& error, std::uint64_t code) {
  if (!error) return {Reason::malformed};
  if (error->code != ErrorCode::reset) return {Reason::lost};
  if (code == kStreamNoSuchExtender) return {Reason::no_service};
  if (code == kStreamRefused) return {Reason::busy};
  if (code >= kCodeBase && code <= code_of(kLastSent)) return {static_cast<Reason>(code - kCodeBase)};
  return {Reason::malformed};
}

Failure write_failure(int error) {
  // EFBIG: a limit on the size of files (ulimit -f), which is a quota too.
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? Reason::no_space : Reason::write_failed, error};
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_ = -1;
};

}  // namespace

const char* describe(Reason reason) noexcept {
  switch (reason) {
    case Reason::malformed:
      return "the other side did not follow the protocol";
    case Reason::not_accepting:
      return "the receiver takes no files now";
    case Reason::bad_name:
      return "the receiver does not take such a file name";
    case Reason::exists:
      return "the receiver has a file of that name already";
    case Reason::too_large:
      return "the file is larger than the receiver takes";
    case Reason::no_space:
      return "no space left at the receiver";
    case Reason::write_failed:
      return "the receiver can not write the file";
    case Reason::digest_differs:
      return "what arrived is not what was sent";
    case Reason::cancelled:
      return "cancelled";
    case Reason::source_changed:
      return "the file was changed while it was sent";
    case Reason::busy:
      return "too many transfers at the same time";
    case Reason::read_failed:
      return "the sender can not read the file";
    case Reason::stopping:
      return "the node of one side stopped";
    case Reason::not_connected:
      return "not connected to the peer";
    case Reason::lost:
      return "the peer is gone";
    case Reason::no_service:
      return "the peer runs no file service";
    case Reason::not_a_file:
      return "not a regular file";
  }
  return "unknown reason";
}

bool is_safe_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         name.find_first_of("/\\") == std::string_view::npos && !text::has_control(name);
}

struct Files::Target {
  Descriptor folder;
  AcceptOptions options;
  ReceiveObserver observer;
};

struct Files::Sending {
  Transfer transfer;
  SendObserver observer;
  Descriptor file;
  struct stat info {};
  std::shared_ptr<Stream> stream;
  Sha256 hash;
  Digest digest{};
  Bytes piece;  // at most kPieceBytes, the part before `sent` is with the stream already
  std::size_t sent = 0;
  std::uint64_t read_bytes = 0;
  enum class State { offering, data, digest, waiting, over } state = State::offering;
};

struct Files::Receiving {
  Transfer transfer;
  std::shared_ptr<Target> target;  // set with the offer
  std::shared_ptr<Stream> stream;
  std::unique_ptr<PartialFile> file;
  Sha256 hash;
  Bytes offer;
  Digest digest{};
  std::size_t digest_bytes = 0;
  enum class State { offer, data, naming, over } state = State::offer;
};

// Runs work that may wait for a disk, and posts back. Its queue holds at most one job per file being received.
class Files::Worker {
 public:
  explicit Worker(Node& node) : node_(&node), thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard guard(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  // `work` runs on the worker's thread and returns what shall run on the node's.
  void add(std::function<std::function<void()>()> work) {
    const std::lock_guard guard(mutex_);
    jobs_.push_back(std::move(work));
    changed_.notify_one();
  }
  // Nothing is posted after this returns: the node may go.
  void detach() {
    const std::lock_guard guard(mutex_);
    node_ = nullptr;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      auto result = job();
      job = {};
      lock.lock();
      if (node_ != nullptr) node_->post(std::move(result));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<std::function<void()>()>> jobs_;
  Node* node_;
  bool ending_ = false;
  std::thread thread_;
};

Files::Files() : Extender(kName) {}
Files::~Files() = default;

void Files::on_start(Node& node) { node_ = &node; }

void Files::on_stop() {
  target_.reset();
  for (const auto& out : std::list(sending_)) end_sending(out, Failure{Reason::stopping}, true);
  for (const auto& in : std::list(receiving_)) end_receiving(in, Failure{Reason::stopping}, true);
  if (worker_) worker_->detach();
  node_ = nullptr;
}

void Files::cancel(std::uint64_t id) {
  for (const auto& out : std::list(sending_)) {
    if (out->transfer.id == id) end_sending(out, Failure{Reason::cancelled}, true);
  }
  for (const auto& in : std::list(receiving_)) {
    if (in->transfer.id == id) end_receiving(in, Failure{Reason::cancelled}, true);
  }
}

// --- sending ---

std::uint64_t Files::send(const PeerUuid& peer, const std::filesystem::path& file, std::string name,
                          SendObserver observer) {
  auto out = std::make_shared<Sending>();
  out->transfer.id = ++transfers_;
  out->transfer.peer = peer;
  out->transfer.name = name.empty() ? file.filename().string() : std::move(name);
  out->observer = std::move(observer);
  if (node_ == nullptr) return out->transfer.id;  // stopped: nobody listens any more
  const bool busy = sending_.size() >= kTransfersMax;
  sending_.push_back(out);
  node_->post([this, out, file, busy] {
    if (out->state == Sending::State::over) return;
    if (busy) return end_sending(out, Failure{Reason::busy}, false);
    begin_sending(out, file);
  });
  return out->transfer.id;
}

void Files::begin_sending(std::shared_ptr<Sending> out, const std::filesystem::path& file) {
  // Not blocking: the path may name a pipe, which is refused below.
  out->file = Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (out->file.get() < 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return end_sending(out, Failure{absent ? Reason::not_a_file : Reason::read_failed, errno}, false);
  }
  if (::fstat(out->file.get(), &out->info) != 0) return end_sending(out, Failure{Reason::read_failed, errno}, false);
  if (!S_ISREG(out->info.st_mode)) return end_sending(out, Failure{Reason::not_a_file}, false);
  if (!is_safe_name(out->transfer.name)) return end_sending(out, Failure{Reason::bad_name}, false);
  out->transfer.size = static_cast<std::uint64_t>(out->info.st_size);

  auto stream = node_->open_stream(out->transfer.peer, this->name());
  if (!stream) {
    const bool absent = stream.error().code == ErrorCode::not_found;
    return end_sending(out, Failure{absent ? Reason::not_connected : Reason::busy}, false);
  }
  out->stream = std::move(*stream);
  out->stream->on_readable([this, out] { take_answer(out); });
  out->stream->on_writable([this, out] { pump(out); });
  out->stream->on_closed([this, out](std::optional<Error> error, std::uint64_t code) {
    end_sending(out, failure_of(error, code), false);
  });

  const std::string& name = out->transfer.name;
  out->piece.push_back(static_cast<std::byte>(name.size() >> 8));
  out->piece.push_back(static_cast<std::byte>(name.size() & 0xFF));
  const BytesView bytes = as_bytes(name);
  out->piece.insert(out->piece.end(), bytes.begin(), bytes.end());
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->piece.push_back(static_cast<std::byte>(out->transfer.size >> shift & 0xFF));
  }
  pump(out);
}

void Files::pump(std::shared_ptr<Sending> out) {
  using State = Sending::State;
  while (out->state != State::over) {
    const std::size_t left = out->piece.size() - out->sent;
    const std::size_t taken = left == 0 ? 0 : out->stream->write(BytesView(out->piece).subspan(out->sent));
    out->sent += taken;
    if (out->state == State::data && taken != 0) {
      out->transfer.done_bytes += taken;
      if (out->observer.on_progress) out->observer.on_progress(out->transfer);
    }
    if (taken < left) return;  // on_writable comes
    switch (out->state) {
      case State::offering:
      case State::waiting:
      case State::over:
        return;  // for the peer's answer
      case State::digest:
        out->state = State::waiting;
        out->stream->finish();
        return;
      case State::data:
        break;
    }
    out->sent = 0;
    const std::uint64_t missing = out->transfer.size - out->read_bytes;
    if (missing == 0) {
      struct stat now {};
      const auto& before = out->info;
      if (::fstat(out->file.get(), &now) != 0 || now.st_size != before.st_size ||
          now.st_mtim.tv_sec != before.st_mtim.tv_sec || now.st_mtim.tv_nsec != before.st_mtim.tv_nsec) {
        return end_sending(out, Failure{Reason::source_changed}, true);
      }
      out->digest = out->hash.finish();
      out->piece.assign(out->digest.begin(), out->digest.end());
      out->state = State::digest;
      continue;
    }
    out->piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(missing, kPieceBytes)));
    ssize_t size = 0;
    do {
      size = ::pread(out->file.get(), out->piece.data(), out->piece.size(), static_cast<off_t>(out->read_bytes));
    } while (size < 0 && errno == EINTR);
    if (size < 0) return end_sending(out, Failure{Reason::read_failed, errno}, true);
    if (size == 0) return end_sending(out, Failure{Reason::source_changed}, true);  // became shorter
    out->piece.resize(static_cast<std::size_t>(size));
    out->read_bytes += static_cast<std::uint64_t>(size);
    out->hash.update(out->piece);
  }
}

void Files::take_answer(std::shared_ptr<Sending> out) {
  using State = Sending::State;
  std::array<std::byte, 16> bytes;
  while (out->state != State::over) {
    const std::size_t size = out->stream->read(bytes);
    for (std::size_t i = 0; i < size; ++i) {
      if (out->state == State::offering && bytes[i] == kAccepted) {
        out->state = State::data;
        if (out->observer.on_accepted) out->observer.on_accepted(out->transfer);
        pump(out);
      } else if (out->state == State::waiting && bytes[i] == kDone) {
        return end_sending(out, std::nullopt, false);
      } else {
        return end_sending(out, Failure{Reason::malformed}, true);
      }
    }
    if (size == 0) break;
  }
  if (out->state != State::over && out->stream->at_end()) end_sending(out, Failure{Reason::malformed}, true);
}

void Files::end_sending(std::shared_ptr<Sending> out, std::optional<Failure> failure, bool tell_peer) {
  if (std::exchange(out->state, Sending::State::over) == Sending::State::over) return;
  sending_.remove(out);
  out->file = Descriptor();
  out->piece = {};
  if (failure && tell_peer && out->stream) out->stream->reset(code_of(failure->reason));
  const auto observer = std::exchange(out->observer, {});
  if (observer.on_end) observer.on_end(out->transfer, failure, out->digest);
}

// --- receiving ---

Result<void> Files::accept(const std::filesystem::path& folder, AcceptOptions options, ReceiveObserver observer) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) {
    const ErrorCode code = errno == ENOENT    ? ErrorCode::not_found
                           : errno == ENOTDIR ? ErrorCode::invalid_argument
                           : errno == EACCES  ? ErrorCode::permission_denied
                                              : ErrorCode::system;
    return fail(code, "opening the folder for received files", errno);
  }
  if (::faccessat(descriptor.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return fail(ErrorCode::permission_denied, "opening the folder for received files", errno);
  }
  target_ = std::make_shared<Target>();
  target_->folder = std::move(descriptor);
  target_->options = options;
  target_->observer = std::move(observer);
  return {};
}

void Files::refuse() { target_.reset(); }

bool Files::accepting() const noexcept { return target_ != nullptr; }

void Files::on_stream(std::shared_ptr<Stream> stream) {
  const auto of_peer = [&](const auto& in) { return in->transfer.peer == stream->peer(); };
  const auto count = std::count_if(receiving_.begin(), receiving_.end(), of_peer);
  if (receiving_.size() >= kTransfersMax || static_cast<std::size_t>(count) >= kTransfersPerPeerMax) {
    return stream->reset(code_of(Reason::busy));
  }
  auto in = std::make_shared<Receiving>();
  in->transfer.id = ++transfers_;
  in->transfer.peer = stream->peer();
  in->stream = std::move(stream);
  receiving_.push_back(in);
  in->stream->on_readable([this, in] { take(in); });
  in->stream->on_closed([this, in](std::optional<Error> error, std::uint64_t code) {
    if (in->state != Receiving::State::naming) end_receiving(in, failure_of(error, code), false);
  });
  take(in);
}

void Files::take(std::shared_ptr<Receiving> in) {
  using State = Receiving::State;
  while (in->state == State::offer) {
    // Reads exactly the offer: what follows is data.
    std::size_t wanted = kLengthBytes;
    if (in->offer.size() >= kLengthBytes) {
      const auto length = std::to_integer<std::size_t>(in->offer[0]) << 8 | std::to_integer<std::size_t>(in->offer[1]);
      if (length == 0 || length > kNameBytesMax) return end_receiving(in, Failure{Reason::bad_name}, true);
      wanted += length + kSizeBytes;
    }
    if (in->offer.size() == wanted) {
      if (const auto failure = take_offer(*in)) return end_receiving(in, failure, true);
      in->state = State::data;
      in->offer = {};
      in->stream->write({&kAccepted, 1});
      if (in->target->observer.on_begin) in->target->observer.on_begin(in->transfer);
      break;
    }
    const std::size_t before = in->offer.size();
    in->offer.resize(wanted);
    const std::size_t size = in->stream->read(MutableBytesView(in->offer).subspan(before));
    in->offer.resize(before + size);
    if (size == 0) {
      if (in->stream->at_end()) end_receiving(in, Failure{Reason::malformed}, true);
      return;
    }
  }
  if (in->state == State::data) take_data(in);
}

std::optional<Failure> Files::take_offer(Receiving& in) {
  const BytesView offer(in.offer);
  in.transfer.name = as_text(offer.subspan(kLengthBytes, offer.size() - kLengthBytes - kSizeBytes));
  for (const std::byte byte : offer.last(kSizeBytes)) {
    in.transfer.size = in.transfer.size << 8 | std::to_integer<std::uint64_t>(byte);
  }
  if (!target_) return Failure{Reason::not_accepting};
  if (!is_safe_name(in.transfer.name)) return Failure{Reason::bad_name};
  if (in.transfer.size > std::min(kSizeMax, target_->options.size_max)) return Failure{Reason::too_large};
  const int folder = target_->folder.get();
  struct stat info {};
  if (::fstatat(folder, in.transfer.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return Failure{Reason::exists};
  struct statvfs space {};
  if (::fstatvfs(folder, &space) == 0 && in.transfer.size / space.f_frsize >= space.f_bavail && in.transfer.size != 0) {
    return Failure{Reason::no_space};
  }
  auto file = std::make_unique<PartialFile>();
  if (const int error = file->create(folder)) return write_failure(error);
  in.file = std::move(file);
  in.target = target_;
  return std::nullopt;
}

void Files::take_data(std::shared_ptr<Receiving> in) {
  using State = Receiving::State;
  Bytes piece(kPieceBytes);
  while (in->state == State::data) {
    const std::uint64_t missing = in->transfer.size - in->transfer.done_bytes;
    if (missing != 0) {
      const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(missing, piece.size()));
      const std::size_t size = in->stream->read(MutableBytesView(piece).first(room));
      if (size == 0) break;
      const BytesView data = BytesView(piece).first(size);
      in->hash.update(data);
      if (const int error = in->file->append(data)) return end_receiving(in, write_failure(error), true);
      in->transfer.done_bytes += size;
      if (in->target->observer.on_progress) in->target->observer.on_progress(in->transfer);
    } else if (in->digest_bytes < in->digest.size()) {
      const std::size_t size = in->stream->read(MutableBytesView(in->digest).subspan(in->digest_bytes));
      if (size == 0) break;
      in->digest_bytes += size;
    } else if (in->stream->readable() != 0) {
      return end_receiving(in, Failure{Reason::malformed}, true);
    } else {
      break;
    }
  }
  if (in->state != State::data || !in->stream->at_end()) return;
  if (in->digest_bytes < in->digest.size()) return end_receiving(in, Failure{Reason::malformed}, true);
  if (in->hash.finish() != in->digest) return end_receiving(in, Failure{Reason::digest_differs}, true);

  in->state = State::naming;
  if (!worker_) worker_ = std::make_unique<Worker>(*node_);
  const std::shared_ptr<PartialFile> file = std::move(in->file);
  worker_->add([this, in, file, target = in->target, name = in->transfer.name]() -> std::function<void()> {
    const int error = file->commit(name);
    return [this, in, error] {
      if (in->state != State::naming) return;
      if (error == 0) {
        in->stream->write({&kDone, 1});
        in->stream->finish();
        return end_receiving(in, std::nullopt, false);
      }
      end_receiving(in, error == EEXIST ? Failure{Reason::exists, error} : write_failure(error), true);
    };
  });
}

void Files::end_receiving(std::shared_ptr<Receiving> in, std::optional<Failure> failure, bool tell_peer) {
  if (std::exchange(in->state, Receiving::State::over) == Receiving::State::over) return;
  receiving_.remove(in);
  in->file.reset();  // removes what was not named
  if (failure && tell_peer) in->stream->reset(code_of(failure->reason));
  if (in->target && in->target->observer.on_end) in->target->observer.on_end(in->transfer, failure, in->digest);
}

}  // namespace quantumgate::files
