// SPDX-License-Identifier: MIT
#include "node/privacy_terms.hpp"

#include <algorithm>

#include "wire/frames.hpp"

namespace quantumgate::node {
namespace {

constexpr std::byte kFollowed{1};

// What the peer is told of it. Handshakes and the times of keys are each side's own affair.
Privacy shape_of(const Privacy& privacy) {
  Privacy shape = privacy;
  shape.handshake_jitter = {};
  shape.key_update = {};
  return shape;
}

}  // namespace

bool PrivacyTerms::shapes(const Privacy& privacy) { return shape_of(privacy) != Privacy(); }

void PrivacyTerms::set_own(const Privacy& own) {
  own_ = own;
  due_ = shape_of(own) != told_.value_or(Privacy());
  if (due_) follows_ = false;
}

Privacy PrivacyTerms::effective() const {
  if (!asked_) return own_;
  Privacy result = own_;
  result.padding = std::max(own_.padding, asked_->padding);
  if (asked_->cover > own_.cover) {
    result.cover_interval = asked_->cover_interval;
  } else if (asked_->cover == own_.cover) {
    result.cover_interval = std::min(own_.cover_interval, asked_->cover_interval);
  }
  result.cover = std::max(own_.cover, asked_->cover);
  result.delay_max = std::max(own_.delay_max, asked_->delay_max);
  if (has_clock(result.cover)) result.delay_max = {};
  return result;
}

Bytes PrivacyTerms::request() const {
  return wire::encode(wire::PrivacyRequest{own_.padding, own_.cover,
                                           static_cast<std::uint32_t>(own_.cover_interval.count()),
                                           static_cast<std::uint16_t>(own_.delay_max.count())});
}

void PrivacyTerms::requested(std::uint32_t id) {
  due_ = false;
  id_ = id;
  told_ = shape_of(own_);
}

bool PrivacyTerms::on_answer(std::uint32_t id, std::optional<BytesView> answer) {
  if (id_ != id) return false;
  id_.reset();
  follows_ = !due_ && answer && answer->size() == 1 && answer->front() == kFollowed;
  return true;
}

std::optional<Privacy> read_privacy_request(BytesView body) {
  const auto request = wire::decode<wire::PrivacyRequest>(body, "reading a request for privacy");
  if (!request) return std::nullopt;
  const Privacy asked{.padding = request->padding,
                      .cover = request->cover,
                      .cover_interval = std::chrono::microseconds(request->interval_us),
                      .delay_max = std::chrono::milliseconds(request->delay_ms)};
  if (!check(asked)) return std::nullopt;
  return asked;
}

}  // namespace quantumgate::node
