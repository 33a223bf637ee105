// SPDX-License-Identifier: Apache-2.0
// Delimited text. Numbers are parsed by std::from_chars; cells are views into the file's bytes, and
// only columns that are used have to be numbers.
#include <charconv>
#include <cmath>
#include <deque>

#include "jobs/causal/table.h"

namespace sovren::jobs {

namespace {

std::string_view trim(std::string_view cell) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!cell.empty() && is_blank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && is_blank(cell.back())) cell.remove_suffix(1);
  return cell;
}

/// Walks over the lines of a file; skips a byte order mark, and comment lines before the first
/// other line.
class Lines {
 public:
  explicit Lines(std::string_view bytes) : rest_(bytes) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  /// The next line without its end; false at the end of the file.
  bool next(std::string_view& line) {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      line = rest_.substr(0, end);
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      ++number_;
      const bool is_comment = !is_past_comments_ && line.starts_with('#');
      if (is_comment) continue;
      if (!trim(line).empty()) is_past_comments_ = true;
      return true;
    }
    return false;
  }
  std::int64_t number() const { return number_; }

  /// Are there only blank lines to come?
  bool only_blanks_follow() const {
    return rest_.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }

 private:
  std::string_view rest_;
  std::int64_t number_ = 0;
  bool is_past_comments_ = false;
};

/// Cells of one line. Views stay valid until the next split.
class Splitter {
 public:
  explicit Splitter(char delimiter) : delimiter_(delimiter) {}

  /// False when a quote is not closed.
  bool split(std::string_view line) {
    cells.clear();
    unquoted_.clear();
    std::size_t at = 0;
    while (true) {
      std::size_t start = at;
      while (start < line.size() && line[start] == ' ') ++start;
      if (start < line.size() && line[start] == '"') {
        if (!quoted(line, start + 1, at)) return false;
      } else {
        const auto end = line.find(delimiter_, at);
        cells.push_back(trim(line.substr(at, end == std::string_view::npos ? end : end - at)));
        at = end;
      }
      if (at == std::string_view::npos || at >= line.size()) return true;
      ++at;  // the delimiter
    }
  }
  std::vector<std::string_view> cells;

 private:
  /// Reads a quoted cell from after its opening quote; at: the delimiter behind it, or the end.
  bool quoted(std::string_view line, std::size_t from, std::size_t& at) {
    std::string text;
    while (true) {
      const auto quote = line.find('"', from);
      if (quote == std::string_view::npos) return false;
      text.append(line.substr(from, quote - from));
      if (quote + 1 < line.size() && line[quote + 1] == '"') {
        text.push_back('"');
        from = quote + 2;
        continue;
      }
      at = line.find(delimiter_, quote);
      text.append(trim(line.substr(quote + 1, at == std::string_view::npos ? at : at - quote - 1)));
      cells.push_back(unquoted_.emplace_back(std::move(text)));
      return true;
    }
  }

  char delimiter_;
  std::deque<std::string> unquoted_;
};

/// The number that a cell spells, NaN and infinities included; nothing when it spells none.
std::optional<double> number_of(std::string_view cell) {
  if (cell.starts_with('+') && cell.size() > 1 && cell[1] != '-') cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range)  // 1e-400 is 0 for our purposes, 1e400 is not finite
    return cell.find("e-") != cell.npos || cell.find("E-") != cell.npos ? 0.0 : HUGE_VAL;
  if (error != std::errc()) return std::nullopt;
  return value;
}

bool is_decimal_comma(std::string_view cell) {
  const auto comma = cell.find(',');
  if (comma == std::string_view::npos || cell.find(',', comma + 1) != std::string_view::npos)
    return false;
  std::string pointed(cell);
  pointed[comma] = '.';
  return number_of(pointed).has_value();
}

std::string place(const std::string& path, std::int64_t line) {
  return path + ":" + std::to_string(line);
}

std::string shortened(std::string_view cell) {
  constexpr std::size_t shown_max = 40;
  return cell.size() <= shown_max ? std::string(cell)
                                  : std::string(cell.substr(0, shown_max)) + "...";
}

Error not_a_number(std::string where, std::string_view column, std::string_view cell,
                   bool has_missing) {
  Error error{.code = Code::data_invalid, .where = std::move(where)};
  error.what = "column '" + std::string(column) + "': ";
  if (cell.empty()) {
    error.what += "the cell is empty (allowed: decimal numbers)";
    error.hint = has_missing ? "empty cells mean \"not measured\" with: missing = nan"
                             : "if it means \"not measured\", write: missing = nan";
    return error;
  }
  error.what += "'" + shortened(cell) + "' is not a number (allowed: decimal numbers like -1.5e3)";
  if (is_decimal_comma(cell))
    error.hint = "write a decimal point, not a comma";
  else
    error.hint = "leave the column out by naming those to use: variables = [...]";
  return error;
}

Error wrong_count(std::string where, std::span<const std::string> names, std::size_t cells) {
  Error error{.code = Code::data_invalid, .where = std::move(where)};
  error.what = std::to_string(cells) + (cells == 1 ? " cell" : " cells") + " where there are " +
               std::to_string(names.size()) + " columns";
  if (cells < names.size())
    error.what += ": column '" + names[cells] + "' has none";
  else
    error.what += ": the last is '" + names.back() + "'";
  error.hint = "every row needs one cell per column";
  if (cells == 2 * names.size()) error.hint += "; are these decimal commas? write points";
  return error;
}

Error open_quote(std::string where) {
  return {.code = Code::data_invalid,
          .what = "a quote is not closed on its line",
          .where = std::move(where)};
}

/// The delimiter that a first line really uses: the one asked for unless only another occurs.
char delimiter_of(std::string_view first_line, char expected) {
  if (first_line.find(expected) != std::string_view::npos) return expected;
  for (const char other : {',', ';', '\t'})
    if (first_line.find(other) != std::string_view::npos) return other;
  return expected;
}

/// One pass over the rows of a table whose columns are chosen.
class RowReader {
 public:
  RowReader(const TableQuery& query, Table& table, std::vector<int> chosen)
      : query_(query), table_(table), chosen_(std::move(chosen)) {}

  Result<void> take(std::span<const std::string_view> cells, std::int64_t line) {
    if (cells.size() != table_.all_names.size())
      return fail(wrong_count(place(query_.path, line), table_.all_names, cells.size()));
    for (const int column : chosen_) {
      const auto c = static_cast<std::size_t>(column);
      SOVREN_TRY(value, value_of(cells[c], table_.all_names[c], line));
      table_.values.push_back(value);
    }
    ++table_.rows;
    if (std::ssize(table_.values) > table_values_max)
      return fail({.code = Code::data_invalid,
                   .what = "the table has more than 2^29 values",
                   .where = place(query_.path, line)});
    return {};
  }

 private:
  Result<double> value_of(std::string_view cell, std::string_view column, std::int64_t line) {
    const bool nan_is_missing = query_.missing && std::isnan(*query_.missing);
    std::optional<double> number = number_of(cell);
    if (!number && nan_is_missing && (cell.empty() || cell == "NA" || cell == "N/A"))
      number = std::numeric_limits<double>::quiet_NaN();
    if (!number)
      return fail(not_a_number(place(query_.path, line), column, cell, query_.missing.has_value()));
    const std::optional<double> value = admit(*number, query_.missing);
    if (!value) return fail(not_admitted(place(query_.path, line), column, *number));
    return *value;
  }

  const TableQuery& query_;
  Table& table_;
  std::vector<int> chosen_;
};

bool is_header(std::span<const std::string_view> cells) {
  for (const std::string_view cell : cells)
    if (!cell.empty() && cell != "NA" && !number_of(cell) && !is_decimal_comma(cell)) return true;
  return false;
}

/// The first line with something on it, split; false when there is none or it cannot be split.
Result<void> first_cells(const std::string& path, Lines& lines, char expected, Splitter& splitter) {
  std::string_view line;
  while (lines.next(line)) {
    if (trim(line).empty()) continue;
    splitter = Splitter(delimiter_of(line, expected));
    if (!splitter.split(line)) return fail(open_quote(place(path, lines.number())));
    return {};
  }
  return fail({.code = Code::data_invalid, .what = "the file is empty", .where = path});
}

}  // namespace

Result<Table> read_delimited(const TableQuery& query, std::string_view bytes, char delimiter) {
  Lines lines(bytes);
  Splitter splitter(delimiter);
  SOVREN_DO(first_cells(query.path, lines, delimiter, splitter));
  Table table;
  if (splitter.cells.size() > static_cast<std::size_t>(table_columns_max))
    return fail({.code = Code::data_invalid,
                 .what = "the table has " + std::to_string(splitter.cells.size()) +
                         " columns (allowed: " + std::to_string(table_columns_max) + ")",
                 .hint = "time goes down the rows, one variable per column",
                 .where = place(query.path, lines.number())});
  const bool has_header = is_header(splitter.cells);
  if (has_header)
    table.all_names.assign(splitter.cells.begin(), splitter.cells.end());
  else
    table.all_names = numbered_names(static_cast<int>(splitter.cells.size()));
  SOVREN_TRY(chosen, choose_columns(query.path, table.all_names, query.variables));
  for (const int column : chosen)
    table.names.push_back(table.all_names[static_cast<std::size_t>(column)]);
  table.columns = static_cast<int>(chosen.size());

  RowReader rows(query, table, chosen);
  if (!has_header) SOVREN_DO(rows.take(splitter.cells, lines.number()));
  std::string_view line;
  while (lines.next(line)) {
    if (trim(line).empty()) {
      if (lines.only_blanks_follow()) break;
      if (table.all_names.size() > 1)
        return fail({.code = Code::data_invalid,
                     .what = "the line is empty, but rows follow it",
                     .hint = "rows are equal steps of time: delete the line, or fill it",
                     .where = place(query.path, lines.number())});
    }
    if (!splitter.split(line)) return fail(open_quote(place(query.path, lines.number())));
    SOVREN_DO(rows.take(splitter.cells, lines.number()));
  }
  return table;
}

Result<TextTable> read_text_table(const std::string& path) {
  SOVREN_TRY(bytes, read_input(path));
  Lines lines(bytes);
  Splitter splitter(',');
  SOVREN_DO(first_cells(path, lines, ',', splitter));
  TextTable table;
  table.header.assign(splitter.cells.begin(), splitter.cells.end());
  std::string_view line;
  while (lines.next(line)) {
    if (trim(line).empty()) continue;
    if (!splitter.split(line)) return fail(open_quote(place(path, lines.number())));
    if (splitter.cells.size() != table.header.size())
      return fail(wrong_count(place(path, lines.number()), table.header, splitter.cells.size()));
    table.rows.push_back({lines.number(), {splitter.cells.begin(), splitter.cells.end()}});
  }
  return table;
}

}  // namespace sovren::jobs
