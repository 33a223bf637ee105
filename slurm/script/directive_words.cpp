// SPDX-License-Identifier: Apache-2.0
// "#SBATCH" lines as words.
#include "slurm/script/sbatch_words.h"

namespace sovren::slurm {
namespace {

using text::Place;
using text::Problems;

constexpr std::string_view directive = "#SBATCH";

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Splits what stands behind "#SBATCH" on one line.
class Line {
 public:
  Line(std::string_view line, int number, Problems& problems)
      : line_(line), number_(number), problems_(problems), at_(directive.size()) {}

  void split(std::vector<DirectiveWord>& words) {
    for (;;) {
      while (at_ < line_.size() && is_space(line_[at_])) ++at_;
      if (at_ == line_.size() || line_[at_] == '#') return;
      if (line_[at_] == ':')
        return problems_.add(place(), "':' begins the next part of a heterogeneous job",
                             "such jobs are not run here", Code::refused);
      words.push_back({"", place()});
      if (!take(words.back())) return;
    }
  }

 private:
  Place place() const {
    int column = 1;
    for (const char c : line_.substr(0, at_)) column += (c & 0xC0) != 0x80;
    return {.line = number_, .column = column};
  }

  // False: a quote is not closed.
  bool take(DirectiveWord& word) {
    char quote = '\0';
    Place opened;
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (quote == '\0' && (is_space(c) || c == '#')) break;
      if (c == '\\') {
        if (++at_ == line_.size()) break;
        if (quote == '\0' && is_space(line_[at_])) break;  // it is no quote of a space
        word.text += line_[at_];
      } else if (quote == '\0' && (c == '"' || c == '\'')) {
        quote = c;
        opened = place();
      } else if (c == quote) {
        quote = '\0';
      } else {
        word.text += c;
      }
    }
    if (quote != '\0') problems_.add(opened, std::string("the quote ") + quote + " is not closed");
    return quote == '\0';
  }

  std::string_view line_;
  int number_;
  Problems& problems_;
  std::size_t at_;
};

bool is_command(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\v\f\r");
  return first != line.npos && line[first] != '#';
}

}  // namespace

DirectiveWords directive_words(std::string_view script, Problems& problems) {
  DirectiveWords found;
  bool is_head = true;
  for (int number = 1; !script.empty(); ++number) {
    const std::string_view line = script.substr(0, script.find('\n'));
    script.remove_prefix(std::min(line.size() + 1, script.size()));
    is_head = is_head && !is_command(line);
    if (line.starts_with(directive)) {
      ++(is_head ? found.lines : found.late);
      if (is_head) Line(line, number, problems).split(found.words);
    } else if (is_head && (line.starts_with("#PBS") || line.starts_with("#BSUB"))) {
      ++found.of_others;
    }
  }
  return found;
}

}  // namespace sovren::slurm
