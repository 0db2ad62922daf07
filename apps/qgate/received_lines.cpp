// SPDX-License-Identifier: MIT
#include "apps/qgate/received_lines.hpp"

#include <cstdio>
#include <map>
#include <memory>

#include "apps/qgate/api/transfer_json.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

void print(const api::TransferRecord& record, const files::Transfer& transfer,
           const std::optional<files::Failure>& failure) {
  const std::string name = transfer.name.empty() ? "an offer" : text::printable(transfer.name);
  const std::string more = transfer.roots > 1 ? " and " + std::to_string(transfer.roots - 1) + " more" : "";
  const std::string peer = transfer.peer.to_string();
  if (failure) {
    std::printf("Not received: %s%s from %s: %s\n", name.c_str(), more.c_str(), peer.c_str(),
                api::sentence_of(*failure).c_str());
    return;
  }
  std::string what = human_bytes(transfer.size);
  if (transfer.files != 1 || transfer.folders != 0) what = std::to_string(transfer.files) + " files, " + what;
  if (transfer.failed != 0) what += ", " + std::to_string(transfer.failed) + " failed";
  if (const auto first = record.first_failure()) {
    what += ", the first: " + text::printable(first->path) + ": " + api::sentence_of(*first);
  }
  std::printf("Received %s%s (%s) from %s\n", name.c_str(), more.c_str(), what.c_str(), peer.c_str());
}

}  // namespace

files::Observer print_received(const Globals& globals) {
  const auto records = std::make_shared<std::map<std::uint64_t, api::TransferRecord>>();
  files::Observer observer;
  observer.on_begin = [records](const files::Transfer& transfer) { (*records)[transfer.id] = {}; };
  observer.on_item = [records](const files::Transfer& transfer, const files::Item& item) {
    const auto record = records->find(transfer.id);
    if (record != records->end()) record->second.add(item);
  };
  observer.on_end = [records, json = globals.json](const files::Transfer& transfer,
                                                   const std::optional<files::Failure>& failure) {
    const auto node = records->extract(transfer.id);
    const api::TransferRecord record = node ? node.mapped() : api::TransferRecord();
    const auto why = failure ? failure : record.failure_of_single(transfer);
    if (json) {
      Json event = record.end_json(why ? "failed" : "received", transfer);
      if (why) event["reason"] = api::sentence_of(*why);
      std::printf("%s\n", to_text(event).c_str());
    } else {
      print(record, transfer, why);
    }
    std::fflush(stdout);
  };
  return observer;
}

}  // namespace quantumgate::qgate
