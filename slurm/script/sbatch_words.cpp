// SPDX-License-Identifier: Apache-2.0
// Words as options, by the rules of getopt_long.
#include "slurm/script/sbatch_words.h"

#include <algorithm>
#include <optional>

#include "core/text/nearest.h"

namespace sovren::slurm {
namespace {

using text::Place;
using text::Problems;
using Argument = SbatchOption::Argument;
using Source = GivenOption::Source;

constexpr std::string_view het_words[] = {"hetjob", "packjob"};

std::string near_hint(std::string_view name) {
  std::vector<std::string_view> names;
  for (const SbatchOption& row : sbatch_options()) names.push_back(row.name);
  const std::string near = text::nearest(name, names);
  return near.empty() ? "man sbatch has the list of options" : "did you mean --" + near + "?";
}

const SbatchOption* option_of_letter(char letter) {
  for (const SbatchOption& row : sbatch_options())
    if (row.letter == letter && letter != '\0') return &row;
  return nullptr;
}

// "--ntasks" in full, or so much of it that it can be no other.
const SbatchOption* option_of_name(std::string_view name, const Place& place, Problems& problems,
                                   Code code) {
  if (const SbatchOption* exact = find_sbatch_option(name)) return exact;
  std::vector<const SbatchOption*> candidates;
  for (const SbatchOption& row : sbatch_options())
    if (row.name.starts_with(name)) candidates.push_back(&row);
  if (candidates.size() == 1) return candidates.front();
  const std::string shown = "--" + std::string(name);
  if (candidates.empty()) {
    problems.add(place, "there is no option " + shown, near_hint(name), code);
    return nullptr;
  }
  std::string all;
  for (const SbatchOption* each : candidates)
    all += (all.empty() ? "--" : ", --") + std::string(each->name);
  problems.add(place, shown + " may be any of " + all, "write it in full", code);
  return nullptr;
}

// Reads words in order. What is no option ends them on a command line and is wrong in a script.
class WordReader {
 public:
  WordReader(std::span<const DirectiveWord> words, Source source, Problems& problems)
      : words_(words), source_(source), problems_(problems) {}

  /// How many words were options and their values.
  std::size_t read(std::vector<GivenOption>& options) {
    while (at_ < words_.size()) {
      const DirectiveWord& word = words_[at_];
      const bool is_option = word.text.size() > 1 && word.text.front() == '-';
      if (source_ == Source::command_line && (!is_option || word.text == "--")) {
        if (is_option) ++at_;
        break;
      }
      ++at_;
      if (!is_option || word.text == "--")
        no_option(word);
      else if (word.text.starts_with("--"))
        long_option(word, options);
      else
        letters(word, options);
    }
    return at_;
  }

 private:
  Code code() const { return source_ == Source::script ? Code::spec_invalid : Code::usage; }

  void no_option(const DirectiveWord& word) {
    if (std::ranges::find(het_words, word.text) != std::end(het_words))
      return problems_.add(word.place, word.text + ": heterogeneous jobs are not run here",
                           "submit their parts as jobs of their own", Code::refused);
    const std::string name = word.text.substr(0, word.text.find('='));
    const bool is_name = find_sbatch_option(name) != nullptr;
    problems_.add(word.place, "'" + word.text + "' is no option",
                  is_name ? "did you mean --" + word.text + "?"
                          : "write: #SBATCH --option=value, with quotes where it has spaces");
  }

  void add(const SbatchOption& option, std::string value, const DirectiveWord& word,
           std::vector<GivenOption>& options) {
    GivenOption given{&option, std::move(value), source_, word.place, {}};
    if (source_ == Source::command_line) {
      given.label = "--" + std::string(option.name);
      if (!given.value.empty()) given.label += "=" + given.value;
    }
    options.push_back(std::move(given));
  }

  // The word behind an option that wants a value. In a script it may stand on the next line, as
  // sbatch has it, but an option that stands there is more likely an option.
  std::optional<std::string> next_value(const DirectiveWord& word, const std::string& shown) {
    const bool has_next = at_ < words_.size() && (source_ == Source::command_line ||
                                                  words_[at_].place.line == word.place.line ||
                                                  !words_[at_].text.starts_with('-'));
    if (has_next) return words_[at_++].text;
    problems_.add(word.place, shown + " needs a value", {}, code());
    return std::nullopt;
  }

  void long_option(const DirectiveWord& word, std::vector<GivenOption>& options) {
    const std::size_t equals = word.text.find('=');
    const std::string name = word.text.substr(2, equals == word.text.npos ? equals : equals - 2);
    const SbatchOption* option = option_of_name(name, word.place, problems_, code());
    if (option == nullptr) return;
    const std::string shown = "--" + std::string(option->name);
    if (equals != word.text.npos) {
      if (option->argument == Argument::none)
        return problems_.add(word.place, shown + " takes no value", "write: " + shown, code());
      return add(*option, word.text.substr(equals + 1), word, options);
    }
    if (option->argument != Argument::required) return add(*option, "", word, options);
    if (auto value = next_value(word, shown)) add(*option, *std::move(value), word, options);
  }

  // "-N4", "-N 4", "-HN4".
  void letters(const DirectiveWord& word, std::vector<GivenOption>& options) {
    for (std::size_t i = 1; i < word.text.size(); ++i) {
      const std::string shown = {'-', word.text[i]};
      const SbatchOption* option = option_of_letter(word.text[i]);
      if (option == nullptr)
        return problems_.add(word.place, "there is no option " + shown,
                             i == 1 ? near_hint(word.text.substr(1)) : "", code());
      if (option->argument == Argument::none) {
        add(*option, "", word, options);
        continue;
      }
      std::string rest = word.text.substr(i + 1);
      if (rest.starts_with('='))
        return problems_.add(word.place, shown + " takes its value without '='",
                             "write: " + shown + " " + rest.substr(1) + ", or: --" +
                                 std::string(option->name) + rest,
                             code());
      if (!rest.empty() || option->argument == Argument::optional)
        return add(*option, std::move(rest), word, options);
      if (auto value = next_value(word, shown)) add(*option, *std::move(value), word, options);
      return;
    }
  }

  std::span<const DirectiveWord> words_;
  Source source_;
  Problems& problems_;
  std::size_t at_ = 0;
};

// An option without a value is set by a variable that is empty, "yes" or a number but 0.
bool is_set_by(std::string_view value) {
  if (value.empty() || value == "yes") return true;
  const bool is_number = value.find_first_not_of("0123456789") == value.npos;
  return is_number && value.find_first_not_of('0') != value.npos;
}

}  // namespace

std::vector<GivenOption> options_of(std::span<const DirectiveWord> words, Problems& problems) {
  std::vector<GivenOption> options;
  WordReader(words, Source::script, problems).read(options);
  return options;
}

std::vector<GivenOption> options_of(
    std::span<const std::pair<std::string, std::string>> environment) {
  std::vector<GivenOption> options;
  for (const SbatchOption& row : sbatch_options()) {
    if (row.variable.empty()) continue;
    for (const auto& [name, value] : environment) {
      if (name != row.variable) continue;
      if (row.argument == Argument::none && !is_set_by(value)) continue;
      options.push_back({&row,
                         row.argument == Argument::none ? "" : value,
                         Source::environment,
                         {},
                         name + "=" + value});
    }
  }
  return options;
}

const GivenOption* SbatchWords::find(std::string_view name) const {
  const auto last = std::find_if(options.rbegin(), options.rend(), [&](const GivenOption& given) {
    return given.option->name == name;
  });
  return last == options.rend() ? nullptr : &*last;
}

tl::expected<SbatchWords, text::Errors> split_sbatch_words(std::span<const std::string> words) {
  std::vector<DirectiveWord> placed;
  for (std::size_t i = 0; i < words.size(); ++i)
    placed.push_back({words[i], {.override_index = static_cast<int>(i), .line = 0, .column = 0}});
  Problems problems = Problems::with_words("sbatch", words);
  SbatchWords taken;
  const std::size_t count = WordReader(placed, Source::command_line, problems).read(taken.options);
  taken.operands.assign(words.begin() + static_cast<std::ptrdiff_t>(count), words.end());
  if (!taken.operands.empty() && taken.operands.front() == ":")
    problems.add(placed[count].place, "':' begins the next part of a heterogeneous job",
                 "such jobs are not run here", Code::refused);
  if (!problems.empty()) return tl::unexpected<text::Errors>(std::move(problems).in_order());
  return taken;
}

}  // namespace sovren::slurm
