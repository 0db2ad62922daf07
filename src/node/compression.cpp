// SPDX-License-Identifier: MIT
#include "node/compression.hpp"

#include <zstd.h>

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::node {
namespace {
constexpr int kLevel = 1;  // about 500 MB/s; higher levels cost more than most paths gain
}

struct Compressor::Contexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ZSTD_DCtx* decompress = ZSTD_createDCtx();
  Bytes out;
  Contexts() { CHECK(compress != nullptr && decompress != nullptr); }
  ~Contexts() {
    ZSTD_freeCCtx(compress);
    ZSTD_freeDCtx(decompress);
  }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
};

Compressor::Compressor() = default;
Compressor::~Compressor() = default;

BytesView Compressor::compress(BytesView plain) {
  if (plain.empty()) return {};
  if (!contexts_) contexts_ = std::make_unique<Contexts>();
  Bytes& out = contexts_->out;
  if (out.size() < plain.size()) out.resize(plain.size());
  // With one byte less room than the plain form, what does not shrink fails.
  const std::size_t size =
      ZSTD_compressCCtx(contexts_->compress, out.data(), plain.size() - 1, plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(size)) return {};
  return BytesView(out).first(size);
}

std::optional<std::uint64_t> Compressor::content_size(BytesView frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return std::nullopt;
  return size;
}

bool Compressor::decompress(BytesView frame, std::size_t plain_max, Bytes& plain) {
  const auto size = content_size(frame);
  if (!size || *size > plain_max) return false;
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return false;
  if (!contexts_) contexts_ = std::make_unique<Contexts>();
  plain.resize(static_cast<std::size_t>(*size));
  return ZSTD_decompressDCtx(contexts_->decompress, plain.data(), plain.size(), frame.data(), frame.size()) ==
         plain.size();
}

void CompressionGauge::note(std::size_t plain, std::size_t sent, bool tried) noexcept {
  if (!tried) {
    skip_ -= std::min(skip_, plain);
    return;
  }
  sampled_plain_ += plain;
  sampled_sent_ += sent;
  if (sampled_plain_ < kSampleBytes) return;
  if (static_cast<double>(sampled_sent_) > kShrinkMin * static_cast<double>(sampled_plain_)) skip_ = kSkipBytes;
  sampled_plain_ = sampled_sent_ = 0;
}

}  // namespace quantumgate::node
