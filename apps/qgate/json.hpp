// SPDX-License-Identifier: MIT
// JSON at the edge: the only header that includes nlohmann/json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "apps/qgate/outcome.hpp"

namespace quantumgate::qgate {

using Json = nlohmann::ordered_json;

// One line of text. Names of strangers may hold anything, so what is no UTF-8 is replaced, never thrown at.
inline std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Nothing if `text` is not one JSON object.
inline std::optional<Json> parse_object(std::string_view text) {
  // Depth is bounded by the 64 KiB that a request may have; the parser does not recurse.
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  return json;
}

// The member `key`, if it is there and is a T.
inline std::optional<std::string> text_member(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}
inline std::optional<std::uint64_t> number_member(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

inline Json error_json(const Failure& failure) {
  return {{"error", {{"code", name_of(failure.code)}, {"message", failure.message}}}};
}

}  // namespace quantumgate::qgate
