// SPDX-License-Identifier: MIT
#include "quantumgate/sealed_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "api/descriptor.hpp"
#include "base/byte_order.hpp"
#include "crypto/hash.hpp"
#include "crypto/system_random.hpp"
#include "crypto/xchacha20_poly1305.hpp"

namespace quantumgate {
namespace {

using api::Descriptor;
using api::system_failure;
using api::write_all;
using std::string_view_literals::operator""sv;

constexpr auto kMagic = "QGLOG1\0\0"sv;
constexpr auto kLabel = "QuantumGate sealed log v1"sv;
constexpr std::size_t kSaltSize = 32;
constexpr std::size_t kHeadSize = 8 + kSaltSize;
constexpr std::size_t kRecordHeadSize = 4 + crypto::kXChaChaNonceSize;
constexpr char kOpening[] = "opening a sealed log";
constexpr char kWriting[] = "writing a sealed log";

Result<Bytes> read_all(int file) {
  struct stat info {};
  if (::fstat(file, &info) != 0) return system_failure(kOpening);
  Bytes bytes(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(kOpening);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

// What a record is sealed together with: its place, so that none can be moved, left out or repeated.
std::array<std::byte, 8> place_of(std::uint64_t number) {
  std::array<std::byte, 8> place;
  store_be(number, std::span<std::byte, 8>(place));
  return place;
}

}  // namespace

struct SealedLog::State {
  std::string path;
  std::string purpose;
  Guarded<Secret<32>> seed;
  Descriptor file{-1};
  Guarded<Secret<32>> key;
  std::uint64_t records = 0;
  std::uint64_t size = 0;

  void derive(std::span<const std::byte, kSaltSize> salt) {
    Secret<32> prk;
    crypto::hkdf_extract(crypto::HashAlgorithm::sha256, salt, seed->view(), prk.mutable_view());
    Bytes info;
    for (const std::string_view part : {kLabel, std::string_view(purpose)}) {
      const BytesView bytes = as_bytes(part);
      info.insert(info.end(), bytes.begin(), bytes.end());
    }
    crypto::hkdf_expand(crypto::HashAlgorithm::sha256, prk.view(), info, key->mutable_view());
  }
  // A head with a fresh salt; the key follows from it.
  Bytes new_head() {
    Bytes head(kHeadSize);
    std::ranges::copy(as_bytes(kMagic), head.begin());
    crypto::SystemRandom().fill(std::span(head).subspan(kMagic.size()));
    derive(std::span<const std::byte, kHeadSize>(head).subspan<8, kSaltSize>());
    return head;
  }
  void seal(Bytes& out, BytesView record) const {
    const std::size_t before = out.size();
    out.resize(before + kRecordHeadSize + record.size() + crypto::kXChaChaTagSize);
    const auto place = place_of(records);
    const auto bytes = std::span(out).subspan(before);
    store_be(static_cast<std::uint32_t>(record.size()), bytes.subspan<0, 4>());
    const auto nonce = bytes.subspan<4, crypto::kXChaChaNonceSize>();
    crypto::SystemRandom().fill(nonce);
    crypto::xchacha20_poly1305_seal(*key, nonce, place, record, bytes.subspan(kRecordHeadSize));
  }
  Result<void> read(const std::function<void(BytesView)>& each);
};

// Reads and checks everything; `each` sees a record only after it has proven authentic.
Result<void> SealedLog::State::read(const std::function<void(BytesView)>& each) {
  auto all = read_all(file.number());
  if (!all) return fail(all.error());
  BytesView bytes(*all);
  if (bytes.empty()) {
    const Bytes head = new_head();
    if (!write_all(file.number(), head)) return system_failure(kOpening);
    size = head.size();
    return {};
  }
  if (bytes.size() < kHeadSize || as_text(bytes.first(kMagic.size())) != kMagic) {
    return fail(ErrorCode::malformed, kOpening);
  }
  derive(bytes.subspan<8, kSaltSize>());
  bytes = bytes.subspan(kHeadSize);
  size = kHeadSize;
  Bytes plain;
  while (bytes.size() >= kRecordHeadSize) {
    const std::size_t length = load_be<std::uint32_t>(bytes.subspan<0, 4>());
    if (length == 0 || length > kRecordBytesMax) return fail(ErrorCode::not_authentic, kOpening);
    const std::size_t whole = kRecordHeadSize + length + crypto::kXChaChaTagSize;
    if (bytes.size() < whole) break;
    plain.resize(length);
    if (!crypto::xchacha20_poly1305_open(*key, bytes.subspan<4, crypto::kXChaChaNonceSize>(), place_of(records),
                                         bytes.subspan(kRecordHeadSize, whole - kRecordHeadSize), plain)) {
      return fail(ErrorCode::not_authentic, kOpening);
    }
    if (each) each(plain);
    wipe(plain);
    ++records;
    size += whole;
    bytes = bytes.subspan(whole);
  }
  if (!bytes.empty() && ::ftruncate(file.number(), static_cast<off_t>(size)) != 0) return system_failure(kOpening);
  return {};
}

SealedLog::SealedLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
SealedLog::SealedLog(SealedLog&&) noexcept = default;
SealedLog& SealedLog::operator=(SealedLog&&) noexcept = default;
SealedLog::~SealedLog() = default;

Result<SealedLog> SealedLog::open(const std::string& file, const Identity& identity, std::string_view purpose,
                                  const std::function<void(BytesView)>& each) {
  auto state = std::make_unique<State>();
  state->path = file;
  state->purpose = purpose;
  *state->seed = identity.seed().clone();
  const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  state->file = Descriptor(::open(file.c_str(), flags, S_IRUSR | S_IWUSR));
  if (!state->file.valid()) return system_failure(kOpening);
  struct stat info {};
  if (::fstat(state->file.number(), &info) != 0) return system_failure(kOpening);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::malformed, kOpening);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) return fail(ErrorCode::too_open, kOpening);
  if (::flock(state->file.number(), LOCK_EX | LOCK_NB) != 0) return system_failure(kOpening);
  if (const auto read = state->read(each); !read) return fail(read.error());
  return SealedLog(std::move(state));
}

Result<void> SealedLog::append(BytesView record) {
  if (record.empty() || record.size() > kRecordBytesMax) return fail(ErrorCode::invalid_argument, kWriting);
  Bytes bytes;
  state_->seal(bytes, record);
  if (!write_all(state_->file.number(), bytes)) {
    const auto failure = system_failure(kWriting);
    (void)!::ftruncate(state_->file.number(), static_cast<off_t>(state_->size));
    return failure;
  }
  ++state_->records;
  state_->size += bytes.size();
  return {};
}

Result<void> SealedLog::replace(std::span<const Bytes> records) {
  State next;
  next.path = state_->path;
  next.purpose = state_->purpose;
  *next.seed = state_->seed->clone();
  const std::string temporary = next.path + ".new";
  ::unlink(temporary.c_str());  // left by a crash
  next.file =
      Descriptor(::open(temporary.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!next.file.valid()) return system_failure(kWriting);
  Bytes bytes = next.new_head();
  for (const Bytes& record : records) {
    if (record.empty() || record.size() > kRecordBytesMax) {
      ::unlink(temporary.c_str());
      return fail(ErrorCode::invalid_argument, kWriting);
    }
    next.seal(bytes, record);
    ++next.records;
  }
  next.size = bytes.size();
  if (::flock(next.file.number(), LOCK_EX | LOCK_NB) != 0 || !write_all(next.file.number(), bytes) ||
      ::fsync(next.file.number()) != 0 || ::rename(temporary.c_str(), next.path.c_str()) != 0) {
    const auto failure = system_failure(kWriting);
    ::unlink(temporary.c_str());
    return failure;
  }
  *state_ = std::move(next);
  return {};
}

std::uint64_t SealedLog::size_bytes() const noexcept { return state_->size; }

}  // namespace quantumgate
