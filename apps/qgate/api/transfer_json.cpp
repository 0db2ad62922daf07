// SPDX-License-Identifier: MIT
#include "apps/qgate/api/transfer_json.hpp"

#include <cstring>

#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate::api {
namespace {

const char* name_of(files::Item::How how) {
  switch (how) {
    case files::Item::How::stored:
      return "stored";
    case files::Item::How::present:
      return "present";
    case files::Item::How::failed:
      return "failed";
    case files::Item::How::skipped:
      return "skipped";
  }
  return "?";
}

bool is_single_file(const files::Transfer& transfer) { return transfer.files == 1 && transfer.folders == 0; }

}  // namespace

Json transfer_json(const char* event, const files::Transfer& transfer) {
  Json json{{"event", event},
            {"id", transfer.id},
            {"peer", transfer.peer.to_string()},
            {"name", transfer.name},
            {"size", transfer.size},
            {"bytes", transfer.done_bytes},
            {"kept", transfer.kept_bytes},
            {"roots", transfer.roots},
            {"files", transfer.files},
            {"folders", transfer.folders},
            {"files_done", transfer.files_done},
            {"failed", transfer.failed}};
  if (!transfer.current.empty()) json["file"] = transfer.current;
  return json;
}

Json item_json(const files::Item& item) {
  Json json{{"event", "item"}, {"path", item.path}, {"result", name_of(item.how)}};
  if (item.folder) json["folder"] = true;
  const bool is_there = item.how == files::Item::How::stored || item.how == files::Item::How::present;
  if (!item.folder && is_there) {
    json["size"] = item.size;
    json["offset"] = item.offset;
    json["sha256"] = hex(item.digest.data(), item.digest.size());
  }
  if (item.failure) json["reason"] = sentence_of(*item.failure);
  return json;
}

std::string sentence_of(const files::Failure& failure) {
  std::string text = files::describe(failure.reason);
  if (failure.os != 0) text += std::string(" (") + std::strerror(failure.os) + ")";
  return text;
}

bool TransferRecord::due(const files::Transfer& transfer) {
  const auto now = std::chrono::steady_clock::now();
  if (now - told_ < kProgressInterval && transfer.done_bytes < transfer.size) return false;
  told_ = now;
  return true;
}

void TransferRecord::add(const files::Item& item) {
  if (item.how == files::Item::How::failed) {
    only_exists_ = only_exists_ && item.failure && item.failure->reason == files::Reason::exists;
    if (!first_failure_) first_failure_ = item.failure;
  } else if (!item.folder && item.how != files::Item::How::skipped) {
    file_ = item;
  }
}

std::optional<files::Failure> TransferRecord::failure_of_single(const files::Transfer& transfer) const {
  return is_single_file(transfer) ? first_failure_ : std::nullopt;
}

Json TransferRecord::end_json(const char* event, const files::Transfer& transfer) const {
  Json json = transfer_json(event, transfer);
  json.erase("file");
  json["skipped"] = transfer.skipped;
  if (is_single_file(transfer) && file_) json["sha256"] = hex(file_->digest.data(), file_->digest.size());
  json["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  return json;
}

}  // namespace quantumgate::qgate::api
