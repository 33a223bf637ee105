// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/table.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "core/text/digest.h"
#include "core/text/nearest.h"
#include "jobs/kind/input_file.h"

namespace sovren::jobs {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view formats_allowed = "allowed: .csv, .tsv, .npy, .h5, .hdf5";

std::string lower_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

/// Splits "data.h5#group/x" into file and dataset. A file whose own name holds '#' wins.
std::pair<std::string, std::string> split_dataset(const std::string& path) {
  std::error_code error;
  const auto hash = path.rfind('#');
  if (hash == std::string::npos || fs::exists(path, error)) return {path, ""};
  return {path.substr(0, hash), path.substr(hash + 1)};
}

Result<void> check_size(const TableQuery& query, const Table& table) {
  if (table.columns == 0 || table.rows == 0)
    return fail({.code = Code::data_invalid,
                 .what = "the table has no values",
                 .hint = "time goes down the rows, one variable per column",
                 .where = query.path});
  return {};
}

Result<void> check_names(const TableQuery& query, const Table& table) {
  std::map<std::string_view, int> seen;
  for (int column = 0; column < table.columns; ++column) {
    const std::string& name = table.names[static_cast<std::size_t>(column)];
    if (const auto [at, is_new] = seen.emplace(name, column); !is_new)
      return fail({.code = Code::data_invalid,
                   .what = "two variables have the name '" + name + "' (columns " +
                           std::to_string(at->second + 1) + " and " + std::to_string(column + 1) +
                           " of those used)",
                   .hint = "give every column its own name",
                   .where = query.path});
  }
  return {};
}

}  // namespace

Result<std::string> read_input(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return fail({.code = Code::input_missing, .what = "is a folder, not a file", .where = path});
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(cannot_read(path, errno == 0 ? ENOENT : errno));
  const auto size = fs::file_size(path, error);
  if (!error && size > static_cast<std::uintmax_t>(table_bytes_max))
    return fail({.code = Code::data_invalid,
                 .what = "the file has " + std::to_string(size) + " bytes (allowed: 4 GiB)",
                 .hint = "write it as .npy or .h5, or thin it out",
                 .where = path});
  std::string bytes;
  if (!error) bytes.reserve(size);
  constexpr std::size_t block_bytes = std::size_t{1} << 20;
  std::vector<char> block(block_bytes);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block_bytes));
    bytes.append(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) return fail(cannot_read(path, EIO));
  return bytes;
}

Result<std::vector<int>> choose_columns(const std::string& path, std::span<const std::string> names,
                                        std::span<const std::string> variables) {
  std::vector<int> chosen;
  if (variables.empty()) {
    for (int column = 0; column < static_cast<int>(names.size()); ++column) {
      if (names[static_cast<std::size_t>(column)].empty())
        return fail({.code = Code::data_invalid,
                     .what = "column " + std::to_string(column + 1) + " has no name",
                     .hint = "name it in the header, or name the columns to use: variables = [...]",
                     .where = path});
      chosen.push_back(column);
    }
    return chosen;
  }
  for (const std::string& variable : variables) {
    const auto at = std::find(names.begin(), names.end(), variable);
    if (at == names.end()) {
      const std::vector<std::string_view> candidates(names.begin(), names.end());
      const std::string near = text::nearest(variable, candidates);
      std::string listed;
      constexpr std::size_t listed_max = 12;
      for (std::size_t i = 0; i < names.size() && i < listed_max; ++i)
        listed += (i == 0 ? "" : ", ") + names[i];
      if (names.size() > listed_max) listed += ", ...";
      return fail({.code = Code::data_invalid,
                   .what = "there is no column '" + variable + "' (columns: " + listed + ")",
                   .hint = near.empty() ? "" : "did you mean '" + near + "'?",
                   .where = path});
    }
    if (std::find(at + 1, names.end(), variable) != names.end())
      return fail({.code = Code::data_invalid,
                   .what = "two columns have the name '" + variable + "'",
                   .hint = "give every column its own name",
                   .where = path});
    chosen.push_back(static_cast<int>(at - names.begin()));
  }
  return chosen;
}

std::optional<double> admit(double value, const std::optional<double>& missing) {
  constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();
  if (missing) {
    if (std::isnan(*missing) ? std::isnan(value) : value == *missing) return not_measured;
  }
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

Error not_admitted(std::string where, std::string_view column, double value) {
  const bool is_nan = std::isnan(value);
  return {.code = Code::data_invalid,
          .what = "column '" + std::string(column) +
                  "': " + (is_nan ? "the value is NaN" : "the value is infinite") +
                  " (allowed: finite numbers)",
          .hint = is_nan ? "if it means \"not measured\", write: missing = nan" : "",
          .where = std::move(where)};
}

std::vector<std::string> numbered_names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("x" + std::to_string(i));
  return names;
}

Result<int> find_variable(const Table& table, const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(table.names, name);
  if (found != table.names.end()) return static_cast<int>(found - table.names.begin());
  if (std::ranges::find(table.all_names, name) != table.all_names.end())
    return fail({.code = Code::data_invalid,
                 .what = "variable '" + name + "' is not part of the analysis",
                 .hint = "add it to causal_analysis.variables",
                 .where = where});
  const std::vector<std::string_view> candidates(table.names.begin(), table.names.end());
  const std::string near = text::nearest(name, candidates);
  return fail({.code = Code::data_invalid,
               .what = "there is no variable '" + name + "' in the data",
               .hint = near.empty() ? "" : "did you mean '" + near + "'?",
               .where = where});
}

Result<Table> read_table(const TableQuery& query) {
  const auto [file, dataset] = split_dataset(query.path);
  const std::string extension = lower_extension(file);
  const bool is_hdf5 = extension == ".h5" || extension == ".hdf5";
  if (!dataset.empty() && !is_hdf5)
    return fail({.code = Code::data_invalid,
                 .what = "only .h5 files hold datasets, so '#" + dataset + "' means nothing here",
                 .where = query.path});
  SOVREN_TRY(bytes, read_input(file));
  auto parse = [&]() -> Result<Table> {
    if (extension == ".csv") return read_delimited(query, bytes, ',');
    if (extension == ".tsv") return read_delimited(query, bytes, '\t');
    if (extension == ".npy") return read_npy(query, bytes);
    if (is_hdf5) return read_hdf5(query, file, dataset);
    return fail({.code = Code::data_invalid,
                 .what = "the format '" + extension + "' is not known (" +
                         std::string(formats_allowed) + ")",
                 .hint = extension == ".gz" ? "unpack it first: gunzip " + file : "",
                 .where = query.path});
  };
  SOVREN_TRY(table, parse());
  SOVREN_DO(check_size(query, table));
  SOVREN_DO(check_names(query, table));
  table.sha256 = text::sha256_hex(bytes);
  table.has_missing = std::any_of(table.values.begin(), table.values.end(),
                                  [](double value) { return std::isnan(value); });
  return table;
}

}  // namespace sovren::jobs
