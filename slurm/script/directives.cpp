// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/directives.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

#include "core/text/schema.h"
#include "core/text/script_file.h"
#include "core/text/toml_tree.h"
#include "core/text/utf8.h"
#include "slurm/script/batch_environment.h"
#include "slurm/script/batch_resources.h"
#include "slurm/script/sbatch_words.h"
#include "slurm/script/wishes.h"

namespace sovren::slurm {
namespace {

using Source = GivenOption::Source;

constexpr std::size_t names_shown_max = 10;
constexpr std::string_view wrap_start =
    "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n";
/// Keys whose texts may hold "${", which of an array's elements stands for an axis.
constexpr std::array<std::string_view, 8> keys_with_texts{
    "command.arguments", "command.environment", "command.error", "command.folder",
    "command.output",    "command.stdin",       "comment",       "name"};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), names_shown_max); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > names_shown_max)
    text += " and " + std::to_string(names.size() - names_shown_max) + " more";
  return text;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string joined_path(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// A path with Slurm's patterns, of which the folder it is in has none.
std::string pattern_path(const std::string& folder, const std::string& pattern) {
  const bool is_literal = pattern.starts_with('/') || pattern.find('\\') != pattern.npos;
  return joined_path(is_literal ? folder : replaced(folder, "%", "%%"), pattern);
}

// An axis that the script does not name: "${task}" in it is a variable of its own.
std::string axis_of(std::string_view script) {
  std::string axis = "task";
  for (int number = 1; script.find("${" + axis + "}") != script.npos; ++number)
    axis = "task_" + std::to_string(number);
  return axis;
}

/// Puts a job together from what was read.
class BatchWriter {
 public:
  BatchWriter(const BatchSource& source, const text::SourceText& script, Wishes wishes,
              text::Problems& problems)
      : source_(source),
        script_(script),
        wishes_(std::move(wishes)),
        problems_(problems),
        sovren_keys_(text::directive_keys(script)) {}

  BatchJob write() {
    put_resources(wishes_, problems_);
    put_defaults();
    put_paths();
    put_priority();
    put_tables();
    job_.script = script_;
    job_.is_held = wishes_.is_held;
    job_.client = wishes_.client;
    for (const auto& [key, wish] : wishes_.keys)
      if (!is_sovrens(key, wish.by)) put_override(key, wish.value);
    warn_of_unused();
    std::ranges::move(wishes_.warnings, std::back_inserter(job_.warnings));
    return std::move(job_);
  }

 private:
  // Does a #SOVREN line say otherwise, and no command line?
  bool is_sovrens(const std::string& key, const GivenOption& by) const {
    if (by.source == Source::command_line) return false;
    const bool is_of_array = key.starts_with("array.") || key == "array_max_running";
    return sovren_keys_.contains(key) || (is_of_array && sovrens_have_array());
  }
  bool sovrens_have_array() const {
    const auto first = sovren_keys_.lower_bound("array.");
    return first != sovren_keys_.end() && first->starts_with("array.");
  }
  bool is_array() const {
    return source_.is_array || sovrens_have_array() || wishes_.keys.contains("array.task");
  }

  void put(const std::string& key, std::string toml, const GivenOption& by = {}) {
    wishes_.keys[key] = {std::move(toml), by};
  }
  void put_override(const std::string& key, const std::string& toml) {
    const bool has_texts = std::ranges::find(keys_with_texts, key) != keys_with_texts.end();
    job_.overrides.push_back({key == "array.task" ? "array." + axis_of(script_.text) : key,
                              has_texts && is_array() ? replaced(toml, "${", "$${") : toml});
  }

  void put_defaults() {
    put("command.start", "\"head\"");
    put("retry.limit", "0");  // what failed is not run again: it may not bear it
    if (!wishes_.keys.contains("command.open_mode")) put("command.open_mode", "\"truncate\"");
    if (source_.arguments.empty()) return;
    std::string words;
    for (const std::string& word : source_.arguments) {
      if (text::utf8_fault(word) != word.npos || !text::text_fault(word).empty())
        problems_.add({}, "an argument of the script is not text of at most 4096 bytes in UTF-8");
      words += (words.empty() ? "[" : ", ") + text::toml_quote(word);
    }
    put("command.arguments", words + "]");
  }

  void put_paths() {
    std::string folder = script_.base_dir;
    if (wishes_.folder) folder = joined_path(folder, wishes_.folder->value);
    put("command.folder", text::toml_quote(folder),
        wishes_.folder ? wishes_.folder->by : GivenOption{});
    const std::string usual = is_array() ? "slurm-%A_%a.out" : "slurm-%j.out";
    const auto& output = wishes_.output;
    put("command.output", text::toml_quote(pattern_path(folder, output ? output->value : usual)),
        output ? output->by : GivenOption{});
    if (const auto& error = wishes_.error)
      put("command.error", text::toml_quote(pattern_path(folder, error->value)), error->by);
    if (const auto& input = wishes_.input) put_input(folder, *input);
  }

  void put_input(const std::string& folder, const Wished<std::string>& input) {
    if (input.value.find('%') != input.value.npos)
      problems_.add(input.by.place, "--input: patterns such as %a are not replaced here",
                    "read the file in the script: program < input-$SLURM_ARRAY_TASK_ID",
                    Code::refused);
    put("command.stdin", text::toml_quote(joined_path(folder, input.value)), input.by);
  }

  // Slurm's nice is the other way round.
  void put_priority() {
    const auto& priority = wishes_.priority;
    const auto& nice = wishes_.nice;
    if (priority && priority->value == 0) wishes_.is_held = true;
    if (!priority && !nice) return;
    const std::int64_t value = (priority ? priority->value : 0) - (nice ? nice->value : 0);
    constexpr std::int64_t most = 1'000'000;
    put("priority", std::to_string(std::clamp(value, -most, most)),
        priority ? priority->by : nice->by);
  }

  void put_tables() {
    put_table("labels", wishes_.labels);
    BatchEnvironment environment = batch_environment(source_, wishes_, problems_);
    std::map<std::string, Wished<std::string>> variables;
    for (auto& [name, value] : environment.variables) variables[name] = {std::move(value), {}};
    // Slurm tells a script of these only when it asks for them.
    const auto tell = [&](const char* name, const Wish<std::int64_t>& wish) {
      if (wish) variables[name] = {std::to_string(wish->value), wish->by};
    };
    tell("SLURM_CPUS_PER_TASK", wishes_.cpus_per_task);
    tell("SLURM_NTASKS_PER_NODE", wishes_.ntasks_per_node);
    put_table("command.environment", variables);
    if (!environment.unfit.empty())
      wishes_.warnings.push_back("variables that the job does not get: " +
                                 joined(environment.unfit));
  }

  void put_table(const std::string& key, const std::map<std::string, Wished<std::string>>& table) {
    std::string toml;
    for (const auto& [name, wish] : table) {
      if (is_sovrens(key + "." + name, wish.by)) continue;
      toml += (toml.empty() ? "{ " : ", ") + text::toml_key(name) + " = ";
      toml += text::toml_quote(wish.value);
    }
    if (!toml.empty()) put_override(key, toml + " }");
  }

  void warn_of_unused() {
    std::vector<std::string> names;
    for (const GivenOption& given : wishes_.unused)
      names.push_back("--" + std::string(given.option->name));
    if (names.empty()) return;
    job_.warnings.push_back((names.size() == 1 ? "an option of sbatch has no part here: "
                                               : "options of sbatch have no part here: ") +
                            joined(names));
  }

  const BatchSource& source_;
  const text::SourceText& script_;
  Wishes wishes_;
  text::Problems& problems_;
  std::set<std::string, std::less<>> sovren_keys_;
  BatchJob job_;
};

// What sbatch refuses of a script before it looks at its lines.
void check_script(const text::SourceText& script, text::Problems& problems) {
  if (!text::is_script(script.text))
    problems.add({}, "this is no batch script: its first line must be #! and an interpreter",
                 "for example #!/bin/sh");
  else if (const std::string fault = text::script_fault(script.text); !fault.empty())
    problems.add({}, "the script must be " + fault);
  if (text::utf8_fault(script.text) != script.text.npos)
    problems.add({}, "the script is not UTF-8", "iconv -t UTF-8 converts a file");
  const std::size_t dos = script.text.find("\r\n");
  if (dos == script.text.npos || dos == script.text.find('\n') - 1) return;
  const auto lines =
      std::count(script.text.begin(), script.text.begin() + static_cast<std::ptrdiff_t>(dos), '\n');
  problems.add({.line = static_cast<int>(lines) + 1}, "the line ends as in DOS (\\r\\n)",
               "dos2unix converts a file");
}

// Options that are not of the script are found by their label.
void take_options(std::vector<GivenOption> from, std::vector<GivenOption>& options,
                  std::vector<std::string>& labels) {
  for (GivenOption& given : from) {
    given.place = {.override_index = static_cast<int>(labels.size()), .line = 0, .column = 0};
    labels.push_back(given.label);
    options.push_back(std::move(given));
  }
}

void warn_of_lines(const DirectiveWords& found, std::vector<std::string>& warnings) {
  if (found.late > 0)
    warnings.push_back("#SBATCH lines below the first command are not read: " +
                       std::to_string(found.late));
  if (found.of_others > 0)
    warnings.push_back("#PBS and #BSUB lines are not read: " + std::to_string(found.of_others));
}

const std::string* wrapped(const BatchSource& source) {
  const std::string* command = nullptr;
  for (const GivenOption& given : source.options)
    if (given.option->name == "wrap") command = &given.value;
  return command;
}

}  // namespace

bool has_directives(std::string_view script) {
  text::Problems ignored("", {});
  return directive_words(script, ignored).lines > 0;
}

tl::expected<BatchJob, text::Errors> read_batch(const BatchSource& source) {
  text::SourceText script = source.script;
  if (const std::string* command = wrapped(source)) {
    script.name = "wrap";
    script.text = std::string(wrap_start) + *command + "\n";
  }
  std::vector<GivenOption> elsewhere, options;
  std::vector<std::string> labels;
  take_options(options_of(source.environment), elsewhere, labels);
  take_options(source.options, elsewhere, labels);
  text::Problems problems = text::Problems::with_words(script.name, labels);
  check_script(script, problems);
  const DirectiveWords found = directive_words(script.text, problems);
  options = options_of(found.words, problems);
  std::ranges::move(elsewhere, std::back_inserter(options));
  Wishes wishes = read_wishes(options, source.clock, problems);
  warn_of_lines(found, wishes.warnings);
  BatchJob job = BatchWriter(source, script, std::move(wishes), problems).write();
  if (!problems.empty()) return tl::unexpected<text::Errors>(std::move(problems).in_order());
  return job;
}

}  // namespace sovren::slurm
