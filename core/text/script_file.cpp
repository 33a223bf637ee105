// SPDX-License-Identifier: Apache-2.0
#include "core/text/script_file.h"

#include <filesystem>

#include "core/text/nearest.h"
#include "core/text/schema.h"
#include "core/text/spec_reader.h"
#include "core/text/utf8.h"

namespace sovren::text {
namespace {

constexpr std::string_view directive = "#SOVREN";
constexpr std::string_view default_axis = "task";

struct Word {
  std::string text;
  Place place;
};

// The words of one line behind the directive. A quote that is not closed is reported.
class Words {
 public:
  Words(std::string_view line, int number, Problems& problems)
      : line_(line), number_(number), problems_(problems) {}

  std::vector<Word> split() {
    std::vector<Word> words;
    at_ = directive.size();
    for (;;) {
      while (at_ < line_.size() && is_space(line_[at_])) ++at_;
      if (at_ == line_.size() || line_[at_] == '#') return words;
      words.push_back({"", place()});
      take(words.back());
    }
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t'; }
  Place place() const {
    int column = 1;
    for (const char c : line_.substr(0, at_)) column += (c & 0xC0) != 0x80;
    return {.line = number_, .column = column};
  }
  void take(Word& word) {
    while (at_ < line_.size() && !is_space(line_[at_])) {
      const char c = line_[at_++];
      if (c != '"' && c != '\'') {
        word.text += c;
        continue;
      }
      const std::size_t close = line_.find(c, at_);
      if (close == line_.npos) problems_.add(word.place, "a quote is not closed");
      word.text += line_.substr(at_, close == line_.npos ? close : close - at_);
      at_ = close == line_.npos ? line_.size() : close + 1;
    }
  }

  std::string_view line_;
  int number_;
  Problems& problems_;
  std::size_t at_ = 0;
};

std::string with(char to, char from, std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c == from) c = to;
  return out;
}

// "time_limit" -> the row of resources.time_limit; null: no option is so called.
const Row* row_of(std::string_view key) {
  for (const std::string_view section : {"", "resources", "command"})
    if (const Row* row = find_row(section, key)) return row;
  return nullptr;
}

std::string near_option(const std::string& name) {
  std::vector<std::string> options{"array", "hold", "set"};
  for (const Row& row : schema_rows())
    if (row_of(row.key) == &row) options.push_back(with('-', '_', row.key));
  const std::vector<std::string_view> views(options.begin(), options.end());
  const std::string near = nearest(name, views);
  return near.empty() ? "" : "did you mean --" + near + "?";
}

/// Turns directives into the keys of a job file.
class Directives {
 public:
  Directives(TomlValue& root, Problems& problems) : root_(root), problems_(problems) {}

  void read(const std::vector<Word>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Word& word = words[i];
      const std::size_t equals = word.text.find('=');
      if (!word.text.starts_with("--")) {
        assign(word);
        continue;
      }
      const std::string name = word.text.substr(2, equals == word.text.npos ? equals : equals - 2);
      if (name == "hold" && equals == word.text.npos) {
        is_held_ = true;
        continue;
      }
      const Row* row = row_of(with('_', '-', name));
      const bool is_flag = row != nullptr && std::holds_alternative<Flag>(row->field);
      if (equals != word.text.npos) {
        option(name, row, word.text.substr(equals + 1), word.place);
      } else if (is_flag) {
        option(name, row, "true", word.place);
      } else if (i + 1 < words.size() && !words[i + 1].text.starts_with("--")) {
        option(name, row, words[++i].text, word.place);
      } else {
        problems_.add(word.place, "--" + name + " needs a value", near_if_unknown(name, row));
      }
    }
  }
  bool is_held() const { return is_held_; }

 private:
  // key=value
  void assign(const Word& word) {
    const std::size_t equals = word.text.find('=');
    if (equals == word.text.npos || equals == 0)
      return problems_.add(word.place, "'" + word.text + "' is neither --option nor key=value",
                           "write: #SOVREN --ranks 4, or: #SOVREN resources.ranks=4");
    std::string key = word.text.substr(0, equals);
    if (const Row* row = key.find('.') == key.npos ? row_of(key) : nullptr) key = qualified(*row);
    put_key(key, word.text.substr(equals + 1), word.place, root_, problems_);
  }
  void option(const std::string& name, const Row* row, const std::string& value,
              const Place& place) {
    if (name == "set") return assign({value, place});
    if (name == "array") return array(value, place);
    if (row == nullptr)
      return problems_.add(place, "there is no option --" + name, near_option(name));
    put_key(qualified(*row), value, place, root_, problems_);
  }
  std::string near_if_unknown(const std::string& name, const Row* row) {
    return row != nullptr || name == "set" || name == "array" ? "" : near_option(name);
  }
  // "0-99%8" or "frame=1-240%8"
  void array(std::string value, const Place& place) {
    std::string axis(default_axis);
    if (const std::size_t equals = value.find('='); equals != value.npos) {
      axis = value.substr(0, equals);
      value.erase(0, equals + 1);
    }
    if (const std::size_t percent = value.find('%'); percent != value.npos) {
      put_key("array_max_running", value.substr(percent + 1), place, root_, problems_);
      value.erase(percent);
    }
    put_key("array." + axis, toml_quote(value), place, root_, problems_);
  }

  TomlValue& root_;
  Problems& problems_;
  bool is_held_ = false;
};

bool is_directive(std::string_view line) {
  return line.starts_with(directive) &&
         (line.size() == directive.size() || line[directive.size()] == ' ' ||
          line[directive.size()] == '\t');
}

// Every line of a text with its number.
void for_each_line(std::string_view text, auto&& visit) {
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    visit(number, line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

// Reads the lines above the first command; returns how many stand below it.
int read_directives(std::string_view script, Directives& directives, Problems& problems) {
  int late = 0;
  bool is_head = true;
  for_each_line(script, [&](int number, std::string_view line) {
    is_head = is_head && (line.starts_with('#') || line.find_first_not_of(" \t") == line.npos);
    if (!is_directive(line)) return;
    if (is_head)
      directives.read(Words(line, number, problems).split());
    else
      ++late;
  });
  return late;
}

void add_keys(const TomlValue& table, const std::string& prefix,
              std::set<std::string, std::less<>>& keys) {
  for (const TomlEntry& entry : table.entries) {
    if (entry.value.type == TomlValue::Type::table)
      add_keys(entry.value, prefix + entry.key + ".", keys);
    else
      keys.insert(prefix + entry.key);
  }
}

TomlEntry entry_of(std::string key, std::string text) {
  return {std::move(key), {}, {.type = TomlValue::Type::text, .text = std::move(text)}};
}

}  // namespace

bool is_script(std::string_view text) {
  return text.starts_with("#!");
}

tl::expected<ScriptJob, Errors> parse_script(const SourceText& source,
                                             std::span<const Override> overrides) {
  Problems problems(source.name, overrides);
  if (const std::string fault = script_fault(source.text); !fault.empty())
    problems.add({}, "the script must be " + fault);
  if (utf8_fault(source.text) != std::string::npos)
    problems.add({}, "the script is not UTF-8", "save it as UTF-8");
  if (!problems.empty()) return tl::unexpected<Errors>(std::move(problems).in_order());

  TomlValue root;
  TomlEntry command{"command", {}, {}};
  command.value.entries.push_back(entry_of("script", source.text));
  root.entries = {entry_of("kind", "command"), std::move(command)};
  ScriptJob job;
  Directives directives(root, problems);
  const int late = read_directives(source.text, directives, problems);
  job.is_held = directives.is_held();
  if (late > 0)
    job.warnings.push_back("#SOVREN lines below the first command are not read: " +
                           std::to_string(late));
  apply_overrides(overrides, root, problems);
  const std::string name = std::filesystem::path(source.name).filename().string();
  job.spec = read_spec(root, problems, source.base_dir, job_name_of(name));
  check_size(job.spec, problems);
  if (!problems.empty()) return tl::unexpected<Errors>(std::move(problems).in_order());
  return job;
}

std::set<std::string, std::less<>> directive_keys(const SourceText& source) {
  Problems ignored(source.name, {});
  TomlValue root;
  Directives directives(root, ignored);
  read_directives(source.text, directives, ignored);
  std::set<std::string, std::less<>> keys;
  add_keys(root, "", keys);
  return keys;
}

}  // namespace sovren::text
