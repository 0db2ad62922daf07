// SPDX-License-Identifier: MIT
// How a file transfer looks in JSON, shared by sending and receiving.
#pragma once

#include <chrono>
#include <optional>

#include "apps/qgate/json.hpp"
#include "extenders/files/types.hpp"

namespace quantumgate::qgate::api {

inline constexpr std::chrono::milliseconds kProgressInterval{100};

Json transfer_json(const char* event, const files::Transfer& transfer);
Json item_json(const files::Item& item);

// "the file was changed while it was sent", with what the operating system said.
std::string sentence_of(const files::Failure& failure);

// What is remembered of one transfer while it runs: how long it takes, and what becomes of a single file.
class TransferRecord {
 public:
  // Whether it is time to tell of progress again.
  bool due(const files::Transfer& transfer);
  void begin() { begun_ = std::chrono::steady_clock::now(); }
  void add(const files::Item& item);

  // Why the transfer as a whole is a failure, although it came to its end: its only file failed.
  std::optional<files::Failure> failure_of_single(const files::Transfer& transfer) const;
  std::optional<files::Failure> first_failure() const { return first_failure_; }
  // Every failed item had a name that was taken.
  bool only_names_taken() const { return only_exists_; }
  Json end_json(const char* event, const files::Transfer& transfer) const;

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_{};
  std::optional<files::Item> file_;  // the last one that did not fail
  std::optional<files::Failure> first_failure_;
  bool only_exists_ = true;
};

}  // namespace quantumgate::qgate::api
