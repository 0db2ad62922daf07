// SPDX-License-Identifier: MIT
#include "extenders/files/receiver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "extenders/files/beneath.hpp"

namespace quantumgate::files {
namespace {

const Failure kMalformed{Reason::malformed, 0, {}};

Failure write_failure(int error, const std::string& path) {
  // EFBIG: a limit on the size of files (ulimit -f), which is a quota too.
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? Reason::no_space : Reason::write_failed, error, path};
}

constexpr std::chrono::milliseconds kLockWait{50};
constexpr int kLockWaitsMax = 100;  // of one transfer, all files together

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view root_of(std::string_view path) { return path.substr(0, path.find('/')); }

}  // namespace

// Something of an entry's name, or an unfinished part of it, whose bytes are compared with the sender's.
struct Receiver::Comparison {
  Descriptor whole;                   // a file under the final name; else `partial`
  std::unique_ptr<Incoming> partial;  //
  std::uint64_t size = 0;             // to be compared
  std::uint64_t hashed = 0;
  Sha256 hash;
  std::optional<Digest> ours, theirs;
};

struct Receiver::Incoming {
  PartialFile file;
  Sha256 hash;
  std::uint64_t size = 0;    // bytes in it
  std::uint64_t offset = 0;  // where this transfer began
  Digest digest{};           // once it is whole
};

Receiver::Receiver(std::shared_ptr<const Descriptor> folder, const PeerUuid& peer, std::uint64_t size_max,
                   PartialLimits limits)
    : folder_(folder), store_(std::move(folder), peer), size_max_(size_max), limits_(limits) {}

Receiver::~Receiver() {
  comparisons_.clear();
  opened_.clear();
  // After a crash of the machine the size of a file may be right and its bytes not; what a broken transfer leaves is to
  // be worth something.
  if (current_ && current_->file) (void)::fdatasync(current_->file.descriptor());
  current_.reset();
  if (begun_) PartialStore::clean(folder_->get(), limits_);
}

Turn Receiver::turn(BytesView input, bool may_speak, Bytes room) {
  Turn turn;
  turn.output = std::move(room);
  if (!begun_) {
    if ((turn.failure = take_manifest(input)) || !begun_) return turn;
  }
  while (const auto frame = reader_.next(input)) {
    if ((turn.failure = take(*frame, turn))) return turn;
  }
  if (reader_.broken()) turn.failure = kMalformed;
  if (auto failure = commit(turn)) turn.failure = std::move(failure);
  if (turn.failure) return turn;
  if (may_speak) {
    ask(turn);
    compare(turn);
  }
  turn.finished = over_ == states_.size() && !skipping_;
  if (turn.finished) stamp_folders();
  const bool can_ask = next_ < states_.size() && in_flight_ < kInFlightMax;
  turn.more = !turn.finished && (can_ask || !hashing_.empty());
  return turn;
}

// --- the manifest ---

std::optional<Failure> Receiver::take_manifest(BytesView& input) {
  std::size_t wanted = kManifestHeadBytes;
  while (!begun_) {
    if (head_.size() >= kManifestHeadBytes) {
      const auto size = manifest_body_size(BytesView(head_).first(kManifestHeadBytes));
      if (!size) return Failure{size.error(), 0, {}};
      wanted = kManifestHeadBytes + *size;
    }
    const BytesView taken = input.first(std::min(input.size(), wanted - head_.size()));
    head_.insert(head_.end(), taken.begin(), taken.end());
    input = input.subspan(taken.size());
    if (head_.size() < wanted) return std::nullopt;
    if (wanted == kManifestHeadBytes) continue;

    auto manifest = decode_manifest(head_);
    head_ = {};
    if (!manifest) return Failure{manifest.error(), 0, {}};
    manifest_ = std::move(*manifest);
    states_.resize(manifest_.entries.size());
    transfer_.name = manifest_.entries.front().path;
    for (const Entry& entry : manifest_.entries) {
      ++(entry.is_folder() ? transfer_.folders : transfer_.files);
      if (entry.is_root()) ++transfer_.roots;
      transfer_.size += entry.size;
    }
    if (transfer_.size > size_max_) return Failure{Reason::too_large, 0, {}};
    PartialStore::clean(folder_->get(), limits_);
    if (auto failure = look_for_room()) return failure;
    begun_ = true;
  }
  return std::nullopt;
}

// A transfer that can not fit is refused before it begins.
std::optional<Failure> Receiver::look_for_room() const {
  struct statvfs space {};
  if (::fstatvfs(folder_->get(), &space) != 0) return std::nullopt;
  const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  if (transfer_.size <= free) return std::nullopt;
  std::uint64_t needed = 0;  // what is here already needs no more room
  std::uint64_t own = 0;
  for (const Entry& entry : manifest_.entries) {
    if (entry.is_folder()) continue;
    std::uint64_t here = store_.size_of(entry.path);
    own += here;
    here = std::min(entry.size, here);
    const Place place = find_beneath(folder_->get(), entry.path);
    struct stat info {};
    if (place.parent && ::fstatat(place.parent.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      here = entry.size;
    }
    needed += entry.size - here;
  }
  // Other parts give way when the room is needed.
  const std::uint64_t others = PartialStore::bytes_kept(folder_->get());
  if (needed > free + (others - std::min(own, others))) return Failure{Reason::no_space, 0, {}};
  return std::nullopt;
}

// --- asking for entries ---

void Receiver::ask(Turn& turn) {
  for (std::size_t steps = 0; steps < kInFlightMax && next_ < states_.size() && in_flight_ < kInFlightMax; ++steps) {
    const std::size_t index = next_++;
    const Entry& entry = manifest_.entries[index];
    const auto closed = closed_.find(parent_of(entry.path));
    if (closed != closed_.end()) {
      refuse(index, closed->second, 0, turn);
      if (entry.is_folder()) closed_.emplace(entry.path, closed->second);
    } else if (entry.is_folder()) {
      make_folder(index, turn);
    } else {
      ask_for(index, turn);
    }
  }
}

void Receiver::make_folder(std::size_t index, Turn& turn) {
  const Entry& entry = manifest_.entries[index];
  const Place place = find_beneath(folder_->get(), entry.path);
  const auto fail = [&](Reason reason, int os) {
    closed_.emplace(entry.path, reason);
    refuse(index, reason, os, turn);
  };
  if (!place.parent) return fail(errno == ENOTDIR || errno == ELOOP ? Reason::exists : Reason::write_failed, errno);
  const bool foreign = foreign_.contains(root_of(entry.path));
  bool present = false;
  if (!foreign && ::mkdirat(place.parent.get(), place.name.c_str(), 0700) == 0) {
    if (entry.is_root()) store_.mark_made(entry.path);
  } else {
    const int error = foreign ? EEXIST : errno;
    if (error != EEXIST) return fail(write_failure(error, {}).reason, error);
    if (!open_folder(place.parent.get(), place.name)) return fail(Reason::exists, 0);
    present = true;
    if (entry.is_root()) {
      if (store_.has_made(entry.path)) {
        store_.mark_made(entry.path);  // used again: known for longer
      } else {
        foreign_.insert(entry.path);
      }
    }
  }
  if (!foreign_.contains(root_of(entry.path))) made_.push_back(index);
  append(turn.output, {.type = FrameType::done, .index = static_cast<std::uint32_t>(index), .present = present});
  Item item;
  item.how = present ? Item::How::present : Item::How::stored;
  close(index, std::move(item), turn);
}

void Receiver::ask_for(std::size_t index, Turn& turn) {
  const Entry& entry = manifest_.entries[index];
  const Place place = find_beneath(folder_->get(), entry.path);
  if (!place.parent) {
    return refuse(index, errno == ENOTDIR || errno == ELOOP ? Reason::exists : Reason::write_failed, errno, turn);
  }
  auto comparison = std::make_unique<Comparison>();
  struct stat info {};
  if (::fstatat(place.parent.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    // Only a file of the same size can be the same.
    if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != entry.size) {
      return refuse(index, Reason::exists, 0, turn);
    }
    if (entry.size == 0) {
      append(turn.output, {.type = FrameType::done, .index = static_cast<std::uint32_t>(index), .present = true});
      Item item;
      item.how = Item::How::present;
      item.digest = Sha256().finish();
      return close(index, std::move(item), turn);
    }
    comparison->whole = open_regular(place.parent.get(), place.name);
    if (!comparison->whole) return refuse(index, Reason::exists, errno, turn);
    comparison->size = entry.size;
  } else {
    if (foreign_.contains(root_of(entry.path))) return refuse(index, Reason::exists, 0, turn);
    int error = 0;
    auto partial = std::make_unique<Incoming>();
    partial->file = store_.open(entry.path, false, error);
    if (error == EWOULDBLOCK) {
      // Often it is the transfer that broke just now, about to close its file.
      if (++lock_waits_ > kLockWaitsMax) return refuse(index, Reason::busy, 0, turn);
      std::this_thread::sleep_for(kLockWait);
      --next_;
      return;
    }
    if (partial->file && ::fstat(partial->file.descriptor(), &info) == 0) {
      partial->size = static_cast<std::uint64_t>(info.st_size);
    }
    if (!manifest_.resume || partial->size > entry.size) {
      partial->file.remove();
      partial->size = 0;
    }
    if (partial->size == 0) {
      in_flight_ += 1;
      return want(index, 0, turn);
    }
    comparison->size = partial->size;
    comparison->partial = std::move(partial);
  }
  in_flight_ += 1;
  states_[index] = State::comparing;
  append(turn.output,
         {.type = FrameType::want, .index = static_cast<std::uint32_t>(index), .offset = comparison->size});
  comparisons_.emplace(index, std::move(comparison));
  hashing_.push_back(index);
}

void Receiver::want(std::size_t index, std::uint64_t offset, Turn& turn) {
  states_[index] = State::wanted;
  append(turn.output, {.type = FrameType::want, .index = static_cast<std::uint32_t>(index), .offset = offset});
}

void Receiver::compare(Turn& turn) {
  std::size_t budget = kTurnHashBytes;
  Bytes piece;
  while (budget != 0 && !hashing_.empty()) {
    const std::size_t index = hashing_.front();
    const auto found = comparisons_.find(index);
    if (found == comparisons_.end()) {  // over meanwhile
      hashing_.pop_front();
      continue;
    }
    Comparison& comparison = *found->second;
    const int file = comparison.whole ? comparison.whole.get() : comparison.partial->file.descriptor();
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(comparison.size - comparison.hashed, kDataBytesMax)));
    const long size = read_at(file, piece.data(), piece.size(), comparison.hashed);
    if (size != static_cast<long>(piece.size())) {
      // Changed under our hands, or not readable: then it is certainly not what the sender has.
      comparison.ours = Digest{};
      hashing_.pop_front();
    } else {
      comparison.hash.update(piece);
      comparison.hashed += piece.size();
      budget -= std::min(budget, piece.size());
      if (comparison.hashed < comparison.size) continue;
      comparison.ours = comparison.hash.peek();
      hashing_.pop_front();
    }
    if (comparison.theirs) decide(index, turn);
  }
}

void Receiver::decide(std::size_t index, Turn& turn) {
  const auto found = comparisons_.find(index);
  const std::unique_ptr<Comparison> comparison = std::move(found->second);
  comparisons_.erase(found);
  const bool equal = *comparison->ours == *comparison->theirs && comparison->hashed == comparison->size;
  const Entry& entry = manifest_.entries[index];
  if (comparison->whole) {
    if (!equal) return refuse(index, Reason::exists, 0, turn);
    append(turn.output, {.type = FrameType::done, .index = static_cast<std::uint32_t>(index), .present = true});
    Item item;
    item.how = Item::How::present;
    item.digest = *comparison->ours;
    item.offset = entry.size;
    transfer_.kept_bytes += entry.size;
    transfer_.done_bytes += entry.size;
    return close(index, std::move(item), turn);
  }
  std::unique_ptr<Incoming> partial = std::move(comparison->partial);
  if (equal) {
    partial->hash = std::move(comparison->hash);
  } else {
    partial->size = 0;
    if (const int error = partial->file.clear()) return refuse(index, write_failure(error, {}).reason, error, turn);
  }
  states_[index] = State::wanted;
  append(turn.output, {.type = FrameType::go, .index = static_cast<std::uint32_t>(index), .offset = partial->size});
  opened_.emplace(index, std::move(partial));
}

// --- what the sender says ---

std::optional<Failure> Receiver::take(const Frame& frame, Turn& turn) {
  switch (frame.type) {
    case FrameType::proof: {
      const auto found = comparisons_.find(frame.index);
      if (found == comparisons_.end() || found->second->theirs) return kMalformed;
      found->second->theirs = frame.digest;
      if (found->second->ours) decide(frame.index, turn);
      return std::nullopt;
    }
    case FrameType::file:
      return take_file(frame, turn);
    case FrameType::data: {
      if (skipping_) return std::nullopt;
      if (!current_) return kMalformed;
      const Entry& entry = manifest_.entries[current_index_];
      if (frame.data.size() > entry.size - current_->size) return kMalformed;
      current_->hash.update(frame.data);
      BytesView rest = frame.data;
      int error = current_->file.append(rest);
      if (error == ENOSPC || error == EDQUOT) {
        // Parts that nobody writes now give way to what comes.
        PartialStore::clean(folder_->get(), {.bytes = 0});
        error = current_->file.append(rest);
      }
      if (error != 0) {
        current_.reset();  // kept, and free to give way to others
        return write_failure(error, entry.path);
      }
      current_->size += frame.data.size();
      transfer_.done_bytes += frame.data.size();
      return std::nullopt;
    }
    case FrameType::end:
      return take_end(frame, turn);
    case FrameType::abandon: {
      if (frame.index >= next_) return kMalformed;
      const bool was_coming = (current_ || skipping_) && current_index_ == frame.index;
      const State state = states_[frame.index];
      if (was_coming) {
        current_.reset();  // what came stays
        skipping_ = false;
      }
      if (state == State::over) return std::nullopt;
      comparisons_.erase(frame.index);
      opened_.erase(frame.index);
      Item item;
      item.how = Item::How::failed;
      item.failure = Failure{frame.reason, 0, manifest_.entries[frame.index].path};
      close(frame.index, std::move(item), turn);
      return std::nullopt;
    }
    default:
      return kMalformed;
  }
}

std::optional<Failure> Receiver::take_file(const Frame& frame, Turn& turn) {
  if (current_ || skipping_ || frame.index >= states_.size() || states_[frame.index] != State::wanted) {
    return kMalformed;
  }
  current_index_ = frame.index;
  const Entry& entry = manifest_.entries[current_index_];
  const auto opened = opened_.find(current_index_);
  if (opened != opened_.end()) {
    current_ = std::move(opened->second);
    opened_.erase(opened);
  } else {
    int error = 0;
    current_ = std::make_unique<Incoming>();
    current_->file = store_.open(entry.path, true, error);
    if (error == 0) error = current_->file.clear();
    if (error == EWOULDBLOCK) {
      current_.reset();
      skipping_ = true;
      refuse(current_index_, Reason::busy, 0, turn);
      return std::nullopt;
    }
    if (error != 0) return write_failure(error, entry.path);
  }
  if (frame.offset != current_->size) return kMalformed;
  current_->offset = frame.offset;
  states_[current_index_] = State::coming;
  transfer_.current = entry.path;
  transfer_.kept_bytes += frame.offset;
  transfer_.done_bytes += frame.offset;
  return std::nullopt;
}

std::optional<Failure> Receiver::take_end(const Frame& frame, Turn& turn) {
  if (std::exchange(skipping_, false)) return std::nullopt;
  if (!current_) return kMalformed;
  const std::size_t index = current_index_;
  const Entry& entry = manifest_.entries[index];
  if (current_->size != entry.size) return kMalformed;
  std::unique_ptr<Incoming> file = std::move(current_);
  if (file->hash.finish() != frame.digest) {
    file->file.remove();
    refuse(index, Reason::digest_differs, 0, turn);
    return std::nullopt;
  }
  file->digest = frame.digest;
  whole_.emplace_back(index, std::move(file));
  return std::nullopt;
}

std::optional<Failure> Receiver::commit(Turn& turn) {
  int error = 0;
  for (const auto& [index, file] : whole_) {
    if (error == 0) error = file->file.prepare(manifest_.entries[index]);
  }
  std::map<std::string_view, Descriptor> parents;
  std::optional<Failure> failure;
  for (const auto& [index, file] : std::exchange(whole_, {})) {
    const Entry& entry = manifest_.entries[index];
    if (error == 0) error = file->file.sync();
    Place place = find_beneath(folder_->get(), entry.path);
    int naming = error;
    if (error == 0) naming = place.parent ? file->file.commit(place.parent.get(), place.name) : errno;
    if (naming == EEXIST || naming == ENOTDIR || naming == ELOOP) {
      file->file.remove();
      refuse(index, Reason::exists, 0, turn);
      continue;
    }
    if (naming != 0) {
      failure = write_failure(naming, entry.path);
      break;  // what is not named yet stays as parts
    }
    parents[parent_of(entry.path)] = std::move(place.parent);
    append(turn.output, {.type = FrameType::done, .index = static_cast<std::uint32_t>(index)});
    Item item;
    item.digest = file->digest;
    item.offset = file->offset;
    close(index, std::move(item), turn);
  }
  // The names are there; that they survive a power cut too is best effort.
  for (const auto& [path, parent] : parents) ::fsync(parent.get());
  return failure;
}

void Receiver::refuse(std::size_t index, Reason reason, int os, Turn& turn) {
  append(turn.output, {.type = FrameType::refused, .index = static_cast<std::uint32_t>(index), .reason = reason});
  Item item;
  item.how = Item::How::failed;
  item.failure = Failure{reason, os, manifest_.entries[index].path};
  close(index, std::move(item), turn);
}

void Receiver::close(std::size_t index, Item item, Turn& turn) {
  const Entry& entry = manifest_.entries[index];
  item.path = entry.path;
  item.folder = entry.is_folder();
  item.size = entry.size;
  if (states_[index] != State::listed) --in_flight_;
  states_[index] = State::over;
  ++over_;
  if (!entry.is_folder()) ++transfer_.files_done;
  if (item.how == Item::How::failed) ++transfer_.failed;
  turn.items.push_back(std::move(item));
}

// Last, for every file that comes into a folder changes its time; the deepest first.
void Receiver::stamp_folders() const {
  for (auto index = made_.rbegin(); index != made_.rend(); ++index) {
    const Entry& entry = manifest_.entries[*index];
    const Place place = find_beneath(folder_->get(), entry.path);
    const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime_s, entry.mtime_ns}};
    if (place.parent) (void)::utimensat(place.parent.get(), place.name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
}

}  // namespace quantumgate::files
