// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy, versions 1 to 3: a magic, a Python dict as text, then the elements.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "jobs/causal/table.h"

namespace sovren::jobs {

namespace {

static_assert(std::endian::native == std::endian::little, "npy elements are copied as they lie");

struct Header {
  std::string descr;
  bool is_fortran = false;
  std::vector<std::int64_t> shape;
  std::size_t data_at = 0;
};

Error broken(const std::string& path, std::string what) {
  return {.code = Code::data_invalid,
          .what = std::move(what),
          .hint = "write it with: numpy.save('data.npy', array)",
          .where = path};
}

/// What follows 'key': in the dict.
std::optional<std::string_view> value_of(std::string_view dict, std::string_view key) {
  const auto at = dict.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) return std::nullopt;
  dict.remove_prefix(at + key.size() + 2);
  const auto start = dict.find_first_not_of(" :");
  if (start == std::string_view::npos) return std::nullopt;
  return dict.substr(start);
}

std::optional<std::vector<std::int64_t>> parse_shape(std::string_view text) {
  const auto close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) return std::nullopt;
  text = text.substr(1, close - 1);
  std::vector<std::int64_t> shape;
  while (true) {
    const auto start = text.find_first_not_of(" ,");
    if (start == std::string_view::npos) return shape;
    text.remove_prefix(start);
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc() || extent < 0) return std::nullopt;
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('L')) text.remove_prefix(1);  // Python 2
  }
}

Result<Header> parse_header(const std::string& path, std::string_view bytes) {
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY"))
    return fail(broken(path, "is no .npy file: it does not begin with \\x93NUMPY"));
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3)
    return fail(broken(path, ".npy version " + std::to_string(version) + " (allowed: 1, 2, 3)"));
  std::uint32_t length = 0;
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  Header header;
  header.data_at = 8 + length_bytes + length;
  if (header.data_at > bytes.size()) return fail(broken(path, "the header is cut off"));
  const std::string_view dict = bytes.substr(8 + length_bytes, length);
  const auto descr = value_of(dict, "descr");
  const auto order = value_of(dict, "fortran_order");
  const auto shape_text = value_of(dict, "shape");
  const auto shape = shape_text ? parse_shape(*shape_text) : std::nullopt;
  if (!descr || !order || !shape)
    return fail(broken(path, "the header lacks descr, fortran_order or shape"));
  const auto quote = descr->find('\'', 1);
  header.descr = descr->starts_with('\'') && quote != std::string_view::npos
                     ? std::string(descr->substr(1, quote - 1))
                     : "structured";
  header.is_fortran = order->starts_with("True");
  header.shape = *shape;
  return header;
}

std::size_t element_bytes(const std::string& descr) {
  if (descr == "<f8" || descr == "<i8") return 8;
  if (descr == "<f4" || descr == "<i4") return 4;
  return 0;
}

template <class T>
double element_as(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

double element_of(const std::string& descr, const char* at) {
  if (descr == "<f8") return element_as<double>(at);
  if (descr == "<f4") return element_as<float>(at);
  if (descr == "<i8") return static_cast<double>(element_as<std::int64_t>(at));
  return element_as<std::int32_t>(at);
}

Result<void> check_header(const std::string& path, const Header& header, std::size_t bytes) {
  if (element_bytes(header.descr) == 0)
    return fail(
        broken(path, "elements of type '" + header.descr + "' (allowed: <f4, <f8, <i4, <i8)"));
  if (header.shape.size() != 2) {
    Error error = broken(
        path, "the array has " + std::to_string(header.shape.size()) + " dimensions (allowed: 2)");
    error.hint = "time goes down the rows, one variable per column";
    return fail(std::move(error));
  }
  const std::int64_t rows = header.shape[0];
  const std::int64_t columns = header.shape[1];
  if (columns > table_columns_max || (columns > 0 && rows > table_values_max / columns))
    return fail(broken(path, "the array of " + std::to_string(rows) + " x " +
                                 std::to_string(columns) +
                                 " is too large (allowed: 65536 columns, 2^29 values)"));
  const auto needed =
      static_cast<std::size_t>(rows * columns) * element_bytes(header.descr) + header.data_at;
  if (bytes < needed)
    return fail(broken(path, "the file is cut off: it has " + std::to_string(bytes) + " of " +
                                 std::to_string(needed) + " bytes"));
  return {};
}

}  // namespace

Result<Table> read_npy(const TableQuery& query, std::string_view bytes) {
  SOVREN_TRY(header, parse_header(query.path, bytes));
  SOVREN_DO(check_header(query.path, header, bytes.size()));
  const std::int64_t rows = header.shape[0];
  const std::int64_t columns = header.shape[1];
  Table table;
  table.all_names = numbered_names(static_cast<int>(columns));
  SOVREN_TRY(chosen, choose_columns(query.path, table.all_names, query.variables));
  table.rows = static_cast<int>(rows);
  table.columns = static_cast<int>(chosen.size());
  table.values.reserve(static_cast<std::size_t>(rows) * chosen.size());
  for (const int column : chosen)
    table.names.push_back(table.all_names[static_cast<std::size_t>(column)]);
  const std::size_t size = element_bytes(header.descr);
  for (std::int64_t row = 0; row < rows; ++row)
    for (const int column : chosen) {
      const std::int64_t at = header.is_fortran ? column * rows + row : row * columns + column;
      const double number = element_of(
          header.descr, bytes.data() + header.data_at + static_cast<std::size_t>(at) * size);
      const auto value = admit(number, query.missing);
      if (!value)
        return fail(not_admitted(query.path + ": row " + std::to_string(row + 1),
                                 table.all_names[static_cast<std::size_t>(column)], number));
      table.values.push_back(*value);
    }
  return table;
}

}  // namespace sovren::jobs
