// SPDX-License-Identifier: MIT
// Counts what became of the vectors of one file, names each failure, and gives each kind of skip its reason.
#pragma once

#include <map>
#include <string>

namespace quantumgate::vectors {

class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  void check(bool passed, const std::string& name) { passed ? pass() : fail(name); }
  void pass() { ++passed_; }
  void fail(const std::string& name);  // prints it at once
  void skip(const std::string& reason) { ++skipped_[reason]; }
  // Something worth a line that is no vector of its own, e.g. how many damaged copies were refused.
  void count(const std::string& what, unsigned long n) { counts_[what] += n; }

  // Prints the sums. True if nothing failed and something was there.
  bool finish() const;

 private:
  std::string file_;
  unsigned long passed_ = 0;
  unsigned long failed_ = 0;
  std::map<std::string, unsigned long> skipped_;
  std::map<std::string, unsigned long> counts_;
};

}  // namespace quantumgate::vectors
