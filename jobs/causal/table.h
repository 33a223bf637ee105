// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::jobs {

/// Measured series: time in rows, variables in columns.
///
/// Shape    values: (rows, columns) row-major. A value that was not measured is a quiet NaN, and
/// nothing else is.
struct Table {
  std::vector<std::string> names;      ///< one per column, all different
  std::vector<std::string> all_names;  ///< of the file, the columns left out among them
  int rows = 0;
  int columns = 0;
  bool has_missing = false;
  std::vector<double> values;
  std::string sha256;  ///< of the file's bytes

  double at(int row, int column) const {
    return values[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                  static_cast<std::size_t>(column)];
  }
};

/// What to read. path: .csv, .tsv, .npy, .h5 or .hdf5, the last two with "#path/of/the/dataset"
/// behind it where the file holds several.
struct TableQuery {
  std::string path;
  std::vector<std::string> variables;  ///< columns to keep, in this order; empty: all
  std::optional<double> missing;       ///< stands for "not measured"; NaN: NaN and empty cells do
};

inline constexpr std::int64_t table_bytes_max = std::int64_t{4} << 30;
inline constexpr std::int64_t table_values_max = std::int64_t{1} << 29;
inline constexpr int table_columns_max = 1 << 16;

/// Reads and checks a table.
///
/// Errors   input_missing (with the nearest name in the folder), data_invalid, naming file, line
/// and column, and what is allowed.
Result<Table> read_table(const TableQuery& query);

/// The column of a variable. Errors: data_invalid at `where`, with the nearest name.
Result<int> find_variable(const Table& table, const std::string& name, const std::string& where);

/// The rows of a small csv of text (the truth of a graph): its header and its cells, with the line
/// that each row is on.
struct TextRow {
  std::int64_t line = 0;
  std::vector<std::string> cells;
};
struct TextTable {
  std::vector<std::string> header;
  std::vector<TextRow> rows;
};
Result<TextTable> read_text_table(const std::string& path);

// For the readers of one format each:

/// Whole contents. Errors: input_missing, naming the file of the folder whose name is nearest.
Result<std::string> read_input(const std::string& path);

/// Places in `names` of the variables asked for; all when none are.
Result<std::vector<int>> choose_columns(const std::string& path, std::span<const std::string> names,
                                        std::span<const std::string> variables);

/// Takes a measured number in: NaN when it stands for "not measured". Nothing when it is not
/// allowed: NaN without `missing`, or infinite.
std::optional<double> admit(double value, const std::optional<double>& missing);

/// The error for a number that admit() refuses.
Error not_admitted(std::string where, std::string_view column, double value);

/// "x0", "x1", ... for files that name no columns.
std::vector<std::string> numbered_names(int count);

Result<Table> read_delimited(const TableQuery& query, std::string_view bytes, char delimiter);
Result<Table> read_npy(const TableQuery& query, std::string_view bytes);
Result<Table> read_hdf5(const TableQuery& query, const std::string& file,
                        const std::string& dataset);

}  // namespace sovren::jobs
