// SPDX-License-Identifier: MIT
#include "session/control_channel.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {
namespace {

Bytes make_frame(wire::ControlWhat what, std::uint32_t id, std::uint8_t method, BytesView body) {
  CHECK(body.size() <= wire::kControlBodyMax);
  Bytes frame = wire::encode(wire::ControlHeader{what, id, method});
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

}  // namespace

Result<std::uint32_t> ControlChannel::request(TimePoint now, std::uint8_t method, BytesView body) {
  if (open_.size() >= kRequestsOpenMax) return fail(ErrorCode::limit, "opening a control request");
  const std::uint32_t id = next_id_++;
  open_.emplace(id, Request{method, make_frame(wire::ControlWhat::request, id, method, body), 0, now, true});
  return id;
}

void ControlChannel::answer(std::uint32_t id, std::uint8_t method, BytesView body) {
  if (answers_.size() < kRequestsOpenMax) answers_.push_back(make_frame(wire::ControlWhat::answer, id, method, body));
}

Result<std::optional<ControlChannel::Received>> ControlChannel::receive(BytesView frame_body) {
  constexpr const char* kDoing = "reading a control frame";
  if (frame_body.size() < wire::ControlHeader::kSize) return fail(ErrorCode::malformed, kDoing);
  const auto header = wire::decode<wire::ControlHeader>(frame_body.first(wire::ControlHeader::kSize), kDoing);
  const BytesView body = frame_body.subspan(wire::ControlHeader::kSize);
  if (!header || header->what > wire::ControlWhat::answer || body.size() > wire::kControlBodyMax) {
    return fail(ErrorCode::malformed, kDoing);
  }
  if (header->what == wire::ControlWhat::request) return Received{true, header->id, header->method, body};

  const auto request = open_.find(header->id);
  if (request == open_.end()) return std::nullopt;
  const std::uint8_t asked = request->second.method;
  if (header->method == asked) {
    open_.erase(request);
    return Received{false, header->id, header->method, body};
  }
  if (header->method == 0) {  // the peer does not know the method
    open_.erase(request);
    failed_.push_back({header->id, asked});
  }
  return std::nullopt;
}

std::optional<ControlChannel::Failed> ControlChannel::poll_failed() {
  if (failed_.empty()) return std::nullopt;
  const Failed next = failed_.front();
  failed_.pop_front();
  return next;
}

Bytes ControlChannel::poll_transmit(TimePoint now) {
  if (!answers_.empty()) {
    Bytes next = std::move(answers_.front());
    answers_.pop_front();
    return next;
  }
  for (auto& [id, request] : open_) {
    if (!request.due) continue;
    request.due = false;
    request.next = now + kRequestDelays[std::min(request.tries, kRequestDelays.size() - 1)];
    ++request.tries;
    return request.frame;
  }
  return {};
}

std::optional<TimePoint> ControlChannel::deadline() const {
  std::optional<TimePoint> deadline;
  for (const auto& [id, request] : open_) {
    if (!request.due && (!deadline || request.next < *deadline)) deadline = request.next;
  }
  return deadline;
}

void ControlChannel::on_deadline(TimePoint now) {
  for (auto it = open_.begin(); it != open_.end();) {
    auto& [id, request] = *it;
    if (request.due || now < request.next) {
      ++it;
    } else if (request.tries >= kRequestTriesMax) {
      failed_.push_back({id, request.method});
      it = open_.erase(it);
    } else {
      request.due = true;
      ++it;
    }
  }
}

}  // namespace quantumgate::session
