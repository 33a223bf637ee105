// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace sovren::cli {

/// What a program of Slurm can print of a Row (a job, some nodes): by a letter in -o ("%.18i"), by
/// a name in -O ("JobID:18").
template <class Row>
struct SlurmField {
  char letter;       ///< '\0': -O alone
  const char* name;  ///< in small letters; "": -o alone
  const char* heading;
  std::string (*text)(const Row& row, Instant now);
};

/// How wide a value is printed.
struct SlurmWidth {
  std::size_t size = 0;  ///< 0: as wide as it is
  bool is_right = false;
  std::string suffix;  ///< follows the value
};

/// The value cut or filled to its width.
std::string fitted(std::string_view value, const SlurmWidth& width);

/// A line's columns, with what stands before the first.
template <class Row>
struct SlurmFormat {
  struct Column {
    const SlurmField<Row>* field;
    SlurmWidth width;
  };
  std::string prefix;
  std::vector<Column> columns;

  std::string heading() const {
    std::string line = prefix;
    for (const Column& each : columns) line += fitted(each.field->heading, each.width);
    return line + "\n";
  }
  std::string line(const Row& row, Instant now) const {
    std::string line = prefix;
    for (const Column& each : columns) line += fitted(each.field->text(row, now), each.width);
    return line + "\n";
  }
};

/// A column as it is written.
struct SlurmColumnText {
  std::string field;  ///< a letter, or a name in small letters
  std::string text;   ///< all of it
  SlurmWidth width;
};

/// "%.18i %j|" -> i (18, right, " "), j (0, left, "|"); the prefix is what stands before the first.
std::pair<std::string, std::vector<SlurmColumnText>> parse_letters(std::string_view format);
/// "JobID:.18,Name" -> jobid (18, right), name (20, left).
std::vector<SlurmColumnText> parse_names(std::string_view format);

/// Of -o. A letter that is not known is passed to `unknown` and stands for itself.
template <class Row, class Unknown>
SlurmFormat<Row> format_of_letters(std::span<const SlurmField<Row>> fields, std::string_view text,
                                   Unknown&& unknown) {
  SlurmFormat<Row> format;
  auto [prefix, columns] = parse_letters(text);
  format.prefix = std::move(prefix);
  for (SlurmColumnText& column : columns) {
    const SlurmField<Row>* found = nullptr;
    for (const SlurmField<Row>& field : fields)
      if (field.letter != '\0' && column.field == std::string(1, field.letter)) found = &field;
    if (found != nullptr) {
      format.columns.push_back({found, std::move(column.width)});
      continue;
    }
    unknown(column.field);
    std::string& before =
        format.columns.empty() ? format.prefix : format.columns.back().width.suffix;
    before += column.text;
  }
  return format;
}

/// Of -O. Errors: usage, "Invalid job format specification: Foo".
template <class Row>
Result<SlurmFormat<Row>> format_of_names(std::span<const SlurmField<Row>> fields,
                                         std::string_view text) {
  SlurmFormat<Row> format;
  for (SlurmColumnText& column : parse_names(text)) {
    const SlurmField<Row>* found = nullptr;
    for (const SlurmField<Row>& field : fields)
      if (*field.name != '\0' && column.field == field.name) found = &field;
    if (found == nullptr)
      return fail(
          {.code = Code::usage, .what = "Invalid job format specification: " + column.text});
    format.columns.push_back({found, std::move(column.width)});
  }
  return format;
}

}  // namespace sovren::cli
