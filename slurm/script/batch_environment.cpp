// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/batch_environment.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/text/custom_fields.h"
#include "core/text/utf8.h"

namespace sovren::slurm {
namespace {

/// Of those that a job may have; the rest are those that each element of an array gets.
constexpr std::size_t handed_on_max = text::variables_max - 20;
constexpr std::array<std::string_view, 7> foreign_prefixes{"SLURM_", "SLURMD_", "SOVREN_", "OMPI_",
                                                           "PMIX_",  "PMI_",    "PRTE_"};
constexpr std::array<std::string_view, 9> foreign_names{"_",
                                                        "PWD",
                                                        "OLDPWD",
                                                        "SHLVL",
                                                        "CUDA_VISIBLE_DEVICES",
                                                        "GPU_DEVICE_ORDINAL",
                                                        "HIP_VISIBLE_DEVICES",
                                                        "ROCR_VISIBLE_DEVICES",
                                                        "ZE_AFFINITY_MASK"};

// Of the process that submits, not of its jobs.
bool is_foreign(std::string_view name) {
  return std::ranges::find(foreign_names, name) != foreign_names.end() ||
         std::ranges::any_of(foreign_prefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_all(std::string_view word) {
  return word == "ALL" || word == "all" || word == "All";
}

bool is_none(std::string_view word) {
  return word == "NONE" || word == "none" || word == "None";
}

// "ALL,A=1,B='2,3'": commas within quotes are text, and the quotes go.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words{""};
  char quote = '\0';
  for (const char c : text) {
    if (quote == '\0' && c == ',') {
      words.emplace_back();
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else {
      words.back() += c;
    }
  }
  std::erase(words, "");
  return words;
}

class EnvironmentReader {
 public:
  EnvironmentReader(const BatchSource& source, text::Problems& problems)
      : source_(source), problems_(problems) {}

  void add_all() {
    for (const auto& [name, value] : source_.environment)
      if (!is_foreign(name)) add(name, value);
  }

  void add_exported(const Wished<std::string>& exported) {
    if (is_none(exported.value)) return;
    for (const std::string& word : words_of(exported.value)) {
      const std::size_t equals = word.find('=');
      if (is_all(word))
        add_all();
      else if (equals == 0)
        problems_.add(exported.by.place, "--export: '" + word + "' names no variable");
      else if (equals != word.npos)
        add(word.substr(0, equals), word.substr(equals + 1));
      else if (const std::string* value = find(word))
        add(word, *value);
    }
  }

  // NAME=value, each ended by a NUL.
  void add_file(const Wished<std::string>& path) {
    const auto content =
        source_.read_file
            ? source_.read_file(path.value)
            : Result<std::string>(fail({.code = Code::input_missing, .what = "no file is read"}));
    if (!content)
      return problems_.add(path.by.place, "--export-file: " + content.error().what,
                           content.error().hint, content.error().code);
    std::string_view rest = *content;
    while (!rest.empty()) {
      const std::string_view entry = rest.substr(0, rest.find('\0'));
      rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
      const std::size_t equals = entry.find('=');
      if (equals != entry.npos && equals > 0)
        add(std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1)));
    }
  }

  BatchEnvironment take() && {
    for (const std::string& name : unfit_)
      if (!found_.variables.contains(name)) found_.unfit.push_back(name);
    return std::move(found_);
  }

 private:
  const std::string* find(std::string_view name) const {
    for (const auto& [each, value] : source_.environment)
      if (each == name) return &value;
    return nullptr;
  }

  void add(const std::string& name, const std::string& value) {
    const bool is_fit = text::is_variable_name(name) && text::variable_value_fault(value).empty() &&
                        text::utf8_fault(name) == name.npos &&
                        text::utf8_fault(value) == value.npos;
    if (is_fit)
      found_.variables[name] = value;
    else if (std::ranges::find(unfit_, name) == unfit_.end())
      unfit_.push_back(name);
  }

  const BatchSource& source_;
  text::Problems& problems_;
  BatchEnvironment found_;
  std::vector<std::string> unfit_;
};

}  // namespace

BatchEnvironment batch_environment(const BatchSource& source, const Wishes& wishes,
                                   text::Problems& problems) {
  EnvironmentReader reader(source, problems);
  if (wishes.export_file) reader.add_file(*wishes.export_file);
  if (wishes.exported)
    reader.add_exported(*wishes.exported);
  else
    reader.add_all();
  BatchEnvironment found = std::move(reader).take();
  if (found.variables.size() > handed_on_max)
    problems.add(wishes.exported ? wishes.exported->by.place : text::Place{},
                 "the job would get " + std::to_string(found.variables.size()) +
                     " variables of the environment, of which it takes at most " +
                     std::to_string(handed_on_max),
                 "name those that it needs: --export=PATH,HOME,...");
  return found;
}

}  // namespace sovren::slurm
