// SPDX-License-Identifier: MIT
#include "apps/qgate/completion.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "apps/qgate/json.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

// A command with all that may be said after it: the flags of the commands before it too.
struct Place {
  std::string path;  // "identity new"; "" for the program itself
  const CommandInfo* command;
  std::vector<OptionInfo> options;
};

void collect(const CommandInfo& command, const std::string& path, std::vector<OptionInfo> inherited,
             std::vector<Place>& places) {
  for (const OptionInfo& option : command.options) {
    const bool known = std::ranges::any_of(inherited, [&](const OptionInfo& o) { return o.names == option.names; });
    if (!known) inherited.push_back(option);
  }
  places.push_back({path, &command, inherited});
  std::erase_if(inherited, [](const OptionInfo& option) { return option.names.back() == "--version"; });
  for (const CommandInfo& next : command.commands) {
    collect(next, path.empty() ? next.name : path + " " + next.name, inherited, places);
  }
}

std::vector<Place> places_of(const CommandInfo& tree) {
  std::vector<Place> places;
  collect(tree, "", {}, places);
  return places;
}

enum class Values { none, words, files, folders, peers };

Values values_of(const OptionInfo& option) {
  if (!option.choices.empty()) return Values::words;
  if (option.placeholder == "FILE" || option.placeholder == "SOCKET") return Values::files;
  if (option.placeholder == "FOLDER") return Values::folders;
  if (option.placeholder == "PEER") return Values::peers;
  return Values::none;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// --- bash ---

constexpr const char* kBashHead = R"sh(# bash completion for qgate, made by 'qgate completion bash'.
# Load it with: source <(qgate completion bash)

# Sets what may follow the commands $1.
_qgate_about() {
  commands='' flags='' values='' arguments=''
  case $1 in
)sh";

constexpr const char* kBashTail = R"sh(  esac
}

# Completes $cur as a value of kind $1.
_qgate_value() {
  case $1 in
    files)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      ;;
    folders)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
    peers) mapfile -t COMPREPLY < <(compgen -W "$("${words[0]}" "${globals[@]}" peer list -q 2>/dev/null)" -- "$cur") ;;
    words=*)
      local list=${1#words=}
      mapfile -t COMPREPLY < <(compgen -W "${list//,/ }" -- "$cur")
      ;;
  esac
}

_qgate() {
  local commands flags values arguments word kind i path='' given=0
  local cur=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
  local -a words globals=()
  COMPREPLY=()
  # Not COMP_WORDS: those are cut at each colon, and addresses are full of colons.
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  local last=$((${#words[@]} - 1))
  _qgate_about ''
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    if [[ $word == -* ]]; then
      [[ " $values " == *" $word:"* ]] || continue
      if ((++i == last)); then
        kind=${values##*"$word:"}
        _qgate_value "${kind%% *}"
        return
      fi
      [[ $word == --control || $word == --config ]] && globals+=("$word" "${words[i]}")
    elif [[ " $commands " == *" $word "* ]]; then
      path+=${path:+ }$word
      _qgate_about "$path"
    else
      ((++given))
    fi
  done
  word=${words[last]}
  if [[ $word == --*=* ]]; then
    [[ $cur == = ]] && cur=''
    kind=${values##*"${word%%=*}:"}
    [[ " $values " == *" ${word%%=*}:"* ]] && _qgate_value "${kind%% *}"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
  else
    local -a kinds
    read -ra kinds <<<"$arguments"
    _qgate_value "${kinds[given]:-none}"
  fi
}

complete -F _qgate qgate
)sh";

std::string bash_kind(const OptionInfo& option) {
  switch (values_of(option)) {
    case Values::words:
      return "words=" + joined(option.choices, ",");
    case Values::files:
      return "files";
    case Values::folders:
      return "folders";
    case Values::peers:
      return "peers";
    case Values::none:
      break;
  }
  return "none";
}

std::string bash(const CommandInfo& tree) {
  std::string script = kBashHead;
  for (const Place& place : places_of(tree)) {
    std::vector<std::string> commands, flags, values, arguments;
    for (const CommandInfo& command : place.command->commands) commands.push_back(command.name);
    for (const OptionInfo& option : place.options) {
      for (const std::string& name : option.names) {
        flags.push_back(name);
        if (!option.placeholder.empty()) values.push_back(name + ":" + bash_kind(option));
      }
    }
    for (const OptionInfo& argument : place.command->arguments) arguments.push_back(bash_kind(argument));
    script += "    '" + place.path + "')\n";
    if (!commands.empty()) script += "      commands='" + joined(commands, " ") + "'\n";
    script += "      flags='" + joined(flags, " ") + "'\n      values='" + joined(values, " ") + "'\n";
    if (!arguments.empty()) script += "      arguments='" + joined(arguments, " ") + "'\n";
    script += "      ;;\n";
  }
  return script + kBashTail;
}

// --- zsh ---

constexpr const char* kZshHead = R"sh(#compdef qgate
# zsh completion for qgate, made by 'qgate completion zsh'.
# Put it as _qgate into a folder of $fpath, or load it with: source <(qgate completion zsh)

_qgate_peers() {
  local -a globals
  local flag
  for flag in --control --config; do
    (( ${+opt_args[$flag]} )) && globals+=($flag ${(Q)opt_args[$flag]})
  done
  local -a peers=(${(f)"$(qgate $globals peer list -q 2>/dev/null)"})
  compadd -a peers
}
)sh";

constexpr const char* kZshTail = R"sh(
# Loaded by hand, or as a file of $fpath?
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
  _qgate "$@"
else
  compdef _qgate qgate
fi
)sh";

// Inside '...' and inside a part of an _arguments specification that ends at ':' or ']'.
std::string zsh_text(std::string text) {
  for (const char* special : {"\\", "[", "]", ":"})
    text = replaced(std::move(text), special, std::string("\\") + special);
  return replaced(std::move(text), "'", "'\\''");
}

std::string zsh_action(const OptionInfo& option) {
  switch (values_of(option)) {
    case Values::words:
      return "(" + joined(option.choices, " ") + ")";
    case Values::files:
      return "_files";
    case Values::folders:
      return "_files -/";
    case Values::peers:
      return "_qgate_peers";
    case Values::none:
      break;
  }
  return " ";
}

std::string zsh_function(const std::string& path) {
  return "_qgate" + (path.empty() ? "" : "_" + replaced(path, " ", "_"));
}

std::string zsh(const CommandInfo& tree) {
  std::string script = kZshHead;
  for (const Place& place : places_of(tree)) {
    const auto& commands = place.command->commands;
    script += "\n" + zsh_function(place.path) + "() {\n";
    if (!commands.empty()) script += "  local curcontext=$curcontext state\n";
    script += commands.empty() ? "  _arguments -s" : "  _arguments -s -C";
    for (const OptionInfo& option : place.options) {
      const std::string value =
          option.placeholder.empty() ? "" : ":" + zsh_text(option.placeholder) + ":" + zsh_action(option);
      for (const std::string& name : option.names) {
        const std::string excluded = option.repeatable ? "*" : "(" + joined(option.names, " ") + ")";
        script += " \\\n    '" + excluded + name + "[" + zsh_text(option.help) + "]" + value + "'";
      }
    }
    if (commands.empty()) {
      for (std::size_t i = 0; i < place.command->arguments.size(); ++i) {
        const OptionInfo& argument = place.command->arguments[i];
        script += " \\\n    '" + std::to_string(i + 1) + ":" + zsh_text(argument.placeholder) + ":" +
                  zsh_action(argument) + "'";
      }
      script += "\n}\n";
      continue;
    }
    script +=
        " \\\n    '1: :->command' \\\n    '*:: :->rest'\n  case $state in\n    command)\n      local -a commands=(\n";
    for (const CommandInfo& command : commands) {
      script += "        '" + command.name + ":" + zsh_text(command.help) + "'\n";
    }
    script += "      )\n      _describe command commands\n      ;;\n    rest)\n      case $words[1] in\n";
    for (const CommandInfo& command : commands) {
      script += "        " + command.name + ") " +
                zsh_function(place.path.empty() ? command.name : place.path + " " + command.name) + " ;;\n";
    }
    script += "      esac\n      ;;\n  esac\n}\n";
  }
  return script + kZshTail;
}

// --- fish ---

constexpr const char* kFishHead = R"sh(# fish completion for qgate, made by 'qgate completion fish'.
# Load it with: qgate completion fish | source

# Whether the commands on the line begin with $argv[2..] and $argv[1] more words follow; * for any number.
function __qgate_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l said
    set -l is_value 0
    for word in $words
        if test $is_value = 1
            set is_value 0
        else if string match -q -- '-*' $word
            contains -- $word $__qgate_value_flags; and set is_value 1
        else
            set -a said $word
        end
    end
    set -l wanted $argv[2..-1]
    test (count $said) -ge (count $wanted); or return 1
    for i in (seq (count $wanted))
        test $said[$i] = $wanted[$i]; or return 1
    end
    test "$argv[1]" = '*'; or test (count $said) -eq (math (count $wanted) + $argv[1])
end

function __qgate_peers
    set -l words (commandline -opc)
    set -l globals
    for flag in --control --config
        if set -l at (contains -i -- $flag $words)
            set -a globals $flag $words[(math $at + 1)]
        end
    end
    qgate $globals peer list -q 2>/dev/null
end

complete -c qgate -f
)sh";

std::string fish_text(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string fish_values(const OptionInfo& option) {
  switch (values_of(option)) {
    case Values::words:
      return " -a " + fish_text(joined(option.choices, " "));
    case Values::files:
      return " -F";
    case Values::folders:
      return " -a '(__fish_complete_directories (commandline -ct))'";
    case Values::peers:
      return " -a '(__qgate_peers)'";
    case Values::none:
      break;
  }
  return "";
}

std::string fish(const CommandInfo& tree) {
  std::vector<std::string> value_flags;
  std::string lines;
  for (const Place& place : places_of(tree)) {
    const std::string at = place.path.empty() ? "" : " " + place.path;
    for (const CommandInfo& command : place.command->commands) {
      lines +=
          "complete -c qgate -n '__qgate_at 0" + at + "' -a " + command.name + " -d " + fish_text(command.help) + "\n";
    }
    for (const OptionInfo& option : place.command->options) {
      lines += "complete -c qgate" + (place.path.empty() ? "" : " -n '__qgate_at \\*" + at + "'");
      for (const std::string& name : option.names) {
        lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        const bool listed = std::ranges::find(value_flags, name) != value_flags.end();
        if (!option.placeholder.empty() && !listed) value_flags.push_back(name);
      }
      // -r: takes a value; -x: and files are none.
      const bool files = values_of(option) == Values::files;
      if (!option.placeholder.empty()) lines += (files ? " -r" : " -x") + fish_values(option);
      lines += " -d " + fish_text(option.help) + "\n";
    }
    for (std::size_t i = 0; i < place.command->arguments.size(); ++i) {
      const OptionInfo& argument = place.command->arguments[i];
      if (values_of(argument) == Values::none) continue;
      lines += "complete -c qgate -n '__qgate_at " + std::to_string(i) + at + "'" + fish_values(argument) + "\n";
    }
  }
  return kFishHead + ("set -g __qgate_value_flags " + joined(value_flags, " ") + "\n\n") + lines;
}

}  // namespace

std::optional<std::string> completion_for(const std::string& shell, const CommandInfo& tree) {
  if (shell == "bash") return bash(tree);
  if (shell == "zsh") return zsh(tree);
  if (shell == "fish") return fish(tree);
  return std::nullopt;
}

Outcome<void> print_completion(const Globals& globals, const CommandInfo& tree, const std::string& shell) {
  const auto script = completion_for(shell, tree);
  if (!script) {
    return failed(ExitCode::usage,
                  "'" + text::printable(shell) + "' is not a shell known here. Choose bash, zsh or fish.");
  }
  std::fputs(globals.json ? (to_text({{"shell", shell}, {"script", *script}}) + "\n").c_str() : script->c_str(),
             stdout);
  return {};
}

}  // namespace quantumgate::qgate
