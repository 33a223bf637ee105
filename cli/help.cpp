// SPDX-License-Identifier: Apache-2.0
// Help, the man page and shell completion: three prints of the command table.
#include <array>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace sovren::cli {
namespace {

std::string synopsis(const Command& command) {
  std::string text = "sovren " + std::string(command.name);
  if (!command.operands.empty()) text += " " + std::string(command.operands);
  if (!command.options.empty()) text += " [options]";
  return text;
}

std::string option_words(const Option& option) {
  std::string text = option.letter == '\0' ? "" : std::string{'-', option.letter, ',', ' '};
  text += "--" + std::string(option.name);
  if (!option.value.empty())
    text += " " + std::string(option.values.empty() ? option.value : option.values);
  return text;
}

// troff reads a leading dot or quote as a request, and a backslash as an escape.
std::string troff(std::string_view text) {
  std::string out;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    at_line_start = c == '\n';
  }
  return out;
}

std::string man_page() {
  std::string page =
      ".TH SOVREN 1 \"\" \"sovren " + std::string(version()) + "\" \"User Commands\"\n";
  page +=
      ".SH NAME\nsovren \\- batch jobs that survive: scheduler, runner, checkpoints\n.SH "
      "SYNOPSIS\n.B sovren\nCOMMAND [options]\n";
  page += ".SH COMMANDS\n";
  for (const Command& command : commands()) {
    page += ".SS " + troff(synopsis(command)) + "\n" + troff(command.summary) + ".\n";
    if (!command.description.empty()) page += ".PP\n" + troff(command.description) + "\n";
    for (const Option& option : command.options)
      page += ".TP\n.B " + troff(option_words(option)) + "\n" + troff(option.help) + "\n";
  }
  page +=
      ".SH EXIT STATUS\n0 done; 1 the job failed; 2 invalid input, nothing changed; 3 refused; 4 "
      "not found; 5 the scheduler cannot be reached; 74 storage error;\n"
      "85 stopped after a sealed checkpoint, the same command again resumes; 124 timed out; 130 "
      "interrupted.\n";
  return page;
}

std::string words_of(std::string_view bars) {
  std::string text(bars);
  for (char& c : text)
    if (c == '|') c = ' ';
  return text;
}

// Operands that are one of a list of words, "list|show|verify DIR" -> "list show verify".
std::string operand_words(const Command& command) {
  const std::string_view first = command.operands.substr(0, command.operands.find(' '));
  return first.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos
             ? words_of(first)
             : "";
}

std::string bash_completion() {
  std::string names, cases;
  for (const Command& command : commands()) {
    names += (names.empty() ? "" : " ") + std::string(command.name);
    std::string words = operand_words(command);
    for (const Option& option : command.options) words += " --" + std::string(option.name);
    if (command.operands.starts_with("JOB")) words += " $(_sovren_jobs)";
    cases += "    " + std::string(command.name) + ") words=\"" + words + " --help\" ;;\n";
  }
  std::string values;
  for (const Command& command : commands())
    for (const Option& option : command.options)
      if (!option.values.empty())
        values += "    --" + std::string(option.name) + ") COMPREPLY=($(compgen -W \"" +
                  words_of(option.values) + "\" -- \"$word\")); return ;;\n";
  return "# bash completion for sovren; source <(sovren completion bash)\n"
         "_sovren_jobs() { sovren jobs 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n"
         "_sovren() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} "
         "words=\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"" +
         names +
         "\" -- \"$word\")); return; fi\n"
         "  case $before in\n" +
         values +
         "  esac\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n}\n"
         "complete -o filenames -F _sovren sovren\n";
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string zsh_completion() {
  std::string cases, names;
  for (const Command& command : commands()) {
    names += "    " + quoted(std::string(command.name) + ":" + std::string(command.summary)) + "\n";
    cases += "    " + std::string(command.name) + ") _arguments";
    for (const Option& option : command.options) {
      std::string help(option.help);
      for (char& c : help)
        if (c == '[' || c == ']' || c == ':') c = ' ';
      std::string spec =
          (option.repeats ? "*--" : "--") + std::string(option.name) + "[" + help + "]";
      if (!option.value.empty())
        spec += ":" + std::string(option.value) + ":" +
                (option.values.empty() ? "_files" : "(" + words_of(option.values) + ")");
      cases += " " + quoted(spec);
    }
    const std::string words = operand_words(command);
    cases += " '*:operand:" + (words.empty() ? "_files'" : "((" + words + "))'") + " ;;\n";
  }
  return "#compdef sovren\n_sovren() {\n  local -a names=(\n" + names +
         "  )\n  if (( CURRENT == 2 )); then _describe command names; return; fi\n  local "
         "name=$words[2]\n"
         "  shift words; (( CURRENT-- ))\n  case $name in\n" +
         cases + "  esac\n}\ncompdef _sovren sovren\n";
}

std::string fish_completion() {
  std::string text = "# fish completion for sovren; sovren completion fish | source\n";
  for (const Command& command : commands()) {
    const std::string name(command.name);
    text += "complete -c sovren -n __fish_use_subcommand -a " + name + " -d " +
            quoted(command.summary) + "\n";
    const std::string seen =
        "complete -c sovren -n " + quoted("__fish_seen_subcommand_from " + name);
    const std::string words = operand_words(command);
    if (!words.empty()) text += seen + " -a " + quoted(words) + "\n";
    for (const Option& option : command.options) {
      text += seen + (option.letter == '\0' ? "" : std::string(" -s ") + option.letter) + " -l " +
              std::string(option.name) + " -d " + quoted(option.help);
      if (!option.value.empty())
        text += option.values.empty() ? " -r" : " -x -a " + quoted(words_of(option.values));
      text += "\n";
    }
  }
  return text;
}

}  // namespace

std::string help_of(const Command& command) {
  std::string text = "usage: " + synopsis(command) + "\n\n" + std::string(command.summary) + "\n";
  if (!command.description.empty()) text += "\n" + std::string(command.description) + "\n";
  if (command.options.empty()) return text;
  std::vector<std::vector<std::string>> rows;
  for (const Option& option : command.options)
    rows.push_back({"  " + option_words(option), std::string(option.help)});
  return text + "\noptions:\n" + format_table(rows);
}

std::string help_of_all() {
  std::string text =
      "sovren: batch jobs that survive. Run, stop, kill and resume causal analysis, training and "
      "rendering.\n\n"
      "usage: sovren COMMAND [options]\n\ncommands:\n";
  std::vector<std::vector<std::string>> rows;
  for (const Command& command : commands())
    rows.push_back({"  " + std::string(command.name), std::string(command.summary)});
  return text + format_table(rows) +
         "\nsovren COMMAND --help says more. Start with: sovren doctor\n";
}

Result<int> print_help(const Arguments& arguments) {
  if (arguments.has("man")) return print_text(man_page());
  if (arguments.operands.empty()) return print_text(help_of_all());
  SOVREN_TRY(command, find_command(arguments.operands[0]));
  return print_text(help_of(*command));
}

Result<int> print_completion(const Arguments& arguments) {
  const std::string& shell = arguments.operands[0];
  if (shell == "bash") return print_text(bash_completion());
  if (shell == "zsh") return print_text(zsh_completion());
  if (shell == "fish") return print_text(fish_completion());
  return fail(
      {.code = Code::usage, .what = "completion is for bash, zsh or fish, not '" + shell + "'"});
}

}  // namespace sovren::cli
