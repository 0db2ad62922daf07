// SPDX-License-Identifier: MIT
#include "apps/qgate/config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "apps/qgate/folders.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

const char* kind_name(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

const char* wanted_name(const SettingRow& row) {
  if (row.kind == SettingKind::whole) return "a whole number";
  return row.is_list() ? "text in quotes, or a list of such: [\"...\", \"...\"]" : "text in quotes";
}

std::string unknown_key(std::string_view key) {
  std::vector<std::string> names;
  for (const SettingRow& row : setting_rows()) names.emplace_back(row.name);
  const auto meant = nearest(key, names);
  return "unknown key '" + text::shortened(text::printable(key), 60) + "'. " +
         (meant ? "Did you mean '" + *meant + "'?" : std::string("'qgate config keys' lists those there are."));
}

class Reader {
 public:
  explicit Reader(const fs::path& file) {
    std::error_code error;  // no working folder: the name as it is will be refused when it is opened
    file_ = fs::absolute(file, error).lexically_normal();
    if (error) file_ = file;
  }

  ConfigFile read() {
    std::string content;
    if (!load(content)) return std::move(result_);
    try {
      const toml::table table = toml::parse(std::string_view(content), file_.string());
      for (const auto& [key, node] : table) take(key, node);
    } catch (const toml::parse_error& error) {
      complain(error.source().begin.line, "this is not TOML: " + text::printable(error.description()) + ".");
    }
    // toml++ sorts keys by name; people read from top to bottom.
    std::ranges::stable_sort(lines_, {}, [](const auto& line) { return line.first; });
    for (auto& [line, message] : lines_) {
      if (result_.problems.size() < kProblemsMax) result_.problems.push_back({place(line), std::move(message)});
    }
    return std::move(result_);
  }

 private:
  std::string place(std::size_t line) const { return text::printable(file_.string()) + ":" + std::to_string(line); }
  void complain(std::size_t line, std::string message) { lines_.emplace_back(line, std::move(message)); }
  void unreadable(const std::string& why) { result_.problems.push_back({text::printable(file_.string()), why}); }

  bool load(std::string& content) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file_.c_str(), "rbe"), std::fclose);
    if (!opened) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      unreadable(std::string("it can not be read: ") + std::strerror(errno) + ". Mend its mode or owner.");
      return false;
    }
    result_.exists = true;
    content.resize(kConfigBytesMax + 1);
    content.resize(std::fread(content.data(), 1, content.size(), opened.get()));
    if (std::ferror(opened.get()) != 0) {
      unreadable(std::string("it can not be read: ") + std::strerror(errno) + ". Name a file.");
      return false;
    }
    if (content.size() > kConfigBytesMax) {
      unreadable("it has more than " + std::to_string(kConfigBytesMax / 1024) + " KiB. Shorten it.");
      return false;
    }
    return true;
  }

  void take(const toml::key& key, const toml::node& node) {
    const std::size_t line = key.source().begin.line;
    const SettingRow* row = find_row(key.str());
    if (row == nullptr) return complain(line, unknown_key(key.str()));
    std::vector<std::string> texts;
    if (const toml::node* wrong = texts_of(*row, node, texts)) {
      return complain(line, std::string("'") + row->name + "' takes " + wanted_name(*row) + ", not " +
                                kind_name(wrong->type()) + ".");
    }
    if (const auto problem = problem_with(*row, texts)) {
      return complain(line, std::string("'") + row->name + "': " + *problem + ".");
    }
    if (row->kind == SettingKind::file || row->kind == SettingKind::folder) {
      texts[0] = (file_.parent_path() / without_tilde(texts[0])).lexically_normal().string();
    }
    result_.entries.push_back({row->setting, std::move(texts), place(line)});
  }

  // The value as text; the node that has the wrong type, if one has.
  static const toml::node* texts_of(const SettingRow& row, const toml::node& node, std::vector<std::string>& texts) {
    if (row.kind == SettingKind::whole) {
      const auto number = node.value_exact<std::int64_t>();
      if (!number) return &node;
      texts.push_back(std::to_string(*number));
      return nullptr;
    }
    if (const toml::array* list = node.as_array(); list != nullptr && row.is_list()) {
      for (const toml::node& element : *list) {
        const auto text = element.value_exact<std::string>();
        if (!text) return &element;
        texts.push_back(*text);
      }
      return nullptr;
    }
    const auto text = node.value_exact<std::string>();
    if (!text) return &node;
    texts.push_back(*text);
    return nullptr;
  }

  fs::path file_;
  ConfigFile result_;
  std::vector<std::pair<std::size_t, std::string>> lines_;
};

}  // namespace

ConfigFile read_config_file(const fs::path& file) { return Reader(file).read(); }

}  // namespace quantumgate::qgate
