// SPDX-License-Identifier: MIT
#include "apps/qgate/privacy_choice.hpp"

#include <algorithm>
#include <cstdio>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

constexpr std::uint64_t kNumberMax = 1'000'000;  // above every range, and fits every type

template <class T>
std::optional<T> named(const std::string& name, std::initializer_list<T> all) {
  for (const T one : all) {
    if (name == name_of(one)) return one;
  }
  return std::nullopt;
}

std::optional<Padding> padding_named(const std::string& name) {
  return named(name, {Padding::none, Padding::random, Padding::classes, Padding::full});
}
std::optional<Cover> cover_named(const std::string& name) {
  return named(name, {Cover::off, Cover::poisson, Cover::adaptive, Cover::constant});
}

std::chrono::milliseconds milliseconds(std::uint64_t number) {
  return std::chrono::milliseconds(std::min(number, kNumberMax));
}
std::chrono::seconds seconds(std::uint64_t number) { return std::chrono::seconds(std::min(number, kNumberMax)); }

}  // namespace

Outcome<Privacy> to_privacy(const PrivacyChoice& choice) {
  const auto level = privacy_level(static_cast<int>(std::min(choice.level, kNumberMax)));
  if (!level) return failed(ExitCode::usage, std::string(level.error().why) + ".");
  Privacy privacy = *level;
  if (choice.padding) {
    const auto padding = padding_named(*choice.padding);
    if (!padding) return failed(ExitCode::usage, "a padding is none, random, classes or full.");
    privacy.padding = *padding;
  }
  if (choice.cover) {
    const auto cover = cover_named(*choice.cover);
    if (!cover) return failed(ExitCode::usage, "cover is off, poisson, adaptive or constant.");
    privacy.cover = *cover;
    // What of the level makes no sense with another cover.
    if (privacy.cover == Cover::off) privacy.cover_interval = {};
    if (has_clock(privacy.cover)) privacy.delay_max = {};
  }
  if (choice.cover_interval_ms) privacy.cover_interval = milliseconds(*choice.cover_interval_ms);
  if (choice.send_delay_ms) privacy.delay_max = milliseconds(*choice.send_delay_ms);
  if (choice.handshake_jitter_ms) privacy.handshake_jitter = milliseconds(*choice.handshake_jitter_ms);
  if (choice.key_update_min_s) privacy.key_update.min = seconds(*choice.key_update_min_s);
  if (choice.key_update_max_s) privacy.key_update.max = seconds(*choice.key_update_max_s);
  if (const auto fits = check(privacy); !fits) return failed(ExitCode::usage, std::string(fits.error().why) + ".");
  return privacy;
}

PrivacyChoice privacy_choice(const Settings& settings) {
  const auto text = [&](Setting setting) {
    return settings.list(setting).empty() ? std::nullopt : std::optional(settings.text(setting));
  };
  const auto number = [&](Setting setting) {
    return settings.list(setting).empty() ? std::nullopt : std::optional(settings.number(setting));
  };
  return {.level = settings.number(Setting::privacy),
          .padding = text(Setting::padding),
          .cover = text(Setting::cover),
          .cover_interval_ms = number(Setting::cover_interval),
          .send_delay_ms = number(Setting::send_delay),
          .handshake_jitter_ms = number(Setting::handshake_jitter),
          .key_update_min_s = number(Setting::key_update_min),
          .key_update_max_s = number(Setting::key_update_max)};
}

Outcome<PrivacyChoice> privacy_choice(const Json& request) {
  PrivacyChoice choice;
  for (const auto& [key, member] : {std::pair("padding", &choice.padding), std::pair("cover", &choice.cover)}) {
    if (!request.contains(key)) continue;
    *member = text_member(request, key);
    if (!*member) return failed(ExitCode::usage, std::string(key) + " must be text.");
  }
  std::optional<std::uint64_t> level;
  for (const auto& [key, member] :
       {std::pair("level", &level), std::pair("cover_interval_ms", &choice.cover_interval_ms),
        std::pair("send_delay_ms", &choice.send_delay_ms),
        std::pair("handshake_jitter_ms", &choice.handshake_jitter_ms),
        std::pair("key_update_min_s", &choice.key_update_min_s),
        std::pair("key_update_max_s", &choice.key_update_max_s)}) {
    if (!request.contains(key)) continue;
    *member = number_member(request, key);
    if (!*member) return failed(ExitCode::usage, std::string(key) + " must be a whole number.");
  }
  choice.level = level.value_or(0);
  return choice;
}

Json privacy_json(const Privacy& privacy) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return {{"level", level_of(privacy)},  // 0: a custom one
          {"padding", name_of(privacy.padding)},
          {"cover", name_of(privacy.cover)},
          {"cover_interval_ms", Milliseconds(privacy.cover_interval).count()},
          {"send_delay_ms", privacy.delay_max.count()},
          {"handshake_jitter_ms", privacy.handshake_jitter.count()},
          {"key_update_min_s", privacy.key_update.min.count()},
          {"key_update_max_s", privacy.key_update.max.count()}};
}

std::string privacy_sentence(const Json& privacy) {
  const auto shown = [&](const char* key) { return text::printable(text_member(privacy, key).value_or("?")); };
  const std::uint64_t level = number_member(privacy, "level").value_or(0);
  std::string text = level == 0 ? "custom: " : "level " + std::to_string(level) + ": ";
  text += shown("padding") == "none" ? "no padding" : "padding " + shown("padding");
  if (shown("cover") == "off") return text + ", no cover";
  const auto interval = privacy.find("cover_interval_ms");
  char number[32];
  std::snprintf(number, sizeof number, "%g",
                interval != privacy.end() && interval->is_number() ? interval->get<double>() : 0.0);
  return text + ", cover " + shown("cover") + " every " + number + " ms";
}

}  // namespace quantumgate::qgate
