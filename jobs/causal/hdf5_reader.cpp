// SPDX-License-Identifier: Apache-2.0
// One two-dimensional dataset of an HDF5 file, numbers of any type that converts to double.
#include <hdf5.h>

#include <array>
#include <cstring>

#include "jobs/causal/hdf5_handle.h"
#include "jobs/causal/table.h"

namespace sovren::jobs {

namespace {

Error broken(const std::string& where, std::string what, std::string hint = "") {
  return {
      .code = Code::data_invalid, .what = std::move(what), .hint = std::move(hint), .where = where};
}

struct Dataset {
  std::string path;
  int dimensions = 0;
};

/// Collects every dataset, in the order of their names.
herr_t collect(hid_t root, const char* name, const H5O_info_t* info, void* into) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  const Hdf5Handle dataset(H5Dopen2(root, name, H5P_DEFAULT), H5Dclose);
  const Hdf5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  static_cast<std::vector<Dataset>*>(into)->push_back(
      {name, H5Sget_simple_extent_ndims(space.get())});
  return 0;
}

/// The dataset to read when none is named: the only one of two dimensions.
Result<std::string> only_dataset(const TableQuery& query, hid_t file) {
  std::vector<Dataset> datasets;
  if (H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, collect, &datasets, H5O_INFO_BASIC) < 0)
    return fail(broken(query.path, "the groups of the file cannot be read"));
  std::vector<std::string> tables;
  for (const Dataset& dataset : datasets)
    if (dataset.dimensions == 2) tables.push_back(dataset.path);
  if (tables.size() == 1) return tables.front();
  if (tables.empty())
    return fail(broken(query.path, "the file has no dataset of two dimensions",
                       "time goes down the rows, one variable per column"));
  std::string listed;
  for (const std::string& table : tables) listed += (listed.empty() ? "" : ", ") + table;
  return fail(broken(
      query.path,
      "the file has " + std::to_string(tables.size()) + " datasets of two dimensions: " + listed,
      "name one: data = \"...h5#" + tables.front() + "\""));
}

/// One string of a string attribute, fixed or variable length.
std::vector<std::string> read_strings(hid_t attribute) {
  const Hdf5Handle type(H5Aget_type(attribute), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute), H5Sclose);
  const auto count = H5Sget_simple_extent_npoints(space.get());
  if (H5Tget_class(type.get()) != H5T_STRING || count <= 0 || count > table_columns_max) return {};
  std::vector<std::string> strings;
  if (H5Tis_variable_str(type.get()) > 0) {
    std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
    if (H5Aread(attribute, type.get(), pointers.data()) < 0) return {};
    for (const char* pointer : pointers) strings.emplace_back(pointer == nullptr ? "" : pointer);
    H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
    return strings;
  }
  const std::size_t size = H5Tget_size(type.get());
  std::vector<char> bytes(size * static_cast<std::size_t>(count));
  if (H5Aread(attribute, type.get(), bytes.data()) < 0) return {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const char* at = bytes.data() + i * size;
    strings.emplace_back(at, strnlen(at, size));
    while (!strings.back().empty() && strings.back().back() == ' ') strings.back().pop_back();
  }
  return strings;
}

/// Names from the dataset's attribute "variables" (or "columns", "names"), else x0, x1, ...
std::vector<std::string> names_of(hid_t dataset, int columns) {
  for (const char* name : {"variables", "columns", "names"}) {
    if (H5Aexists(dataset, name) <= 0) continue;
    const Hdf5Handle attribute(H5Aopen(dataset, name, H5P_DEFAULT), H5Aclose);
    std::vector<std::string> names = read_strings(attribute.get());
    if (std::ssize(names) == columns) return names;
  }
  return numbered_names(columns);
}

Result<std::array<hsize_t, 2>> shape_of(const std::string& where, hid_t dataset) {
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
  const int dimensions = H5Sget_simple_extent_ndims(space.get());
  if (dimensions != 2)
    return fail(broken(where,
                       "the dataset has " + std::to_string(dimensions) +
                           (dimensions == 1 ? " dimension" : " dimensions") + " (allowed: 2)",
                       "time goes down the rows, one variable per column"));
  std::array<hsize_t, 2> shape{};
  H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  if (shape[1] > static_cast<hsize_t>(table_columns_max) ||
      (shape[1] > 0 && shape[0] > static_cast<hsize_t>(table_values_max) / shape[1]))
    return fail(broken(where, "the dataset of " + std::to_string(shape[0]) + " x " +
                                  std::to_string(shape[1]) +
                                  " is too large (allowed: 65536 columns, 2^29 values)"));
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER)
    return fail(broken(where, "the dataset does not hold numbers (allowed: floats, integers)"));
  return shape;
}

}  // namespace

Result<Table> read_hdf5(const TableQuery& query, const std::string& file_path,
                        const std::string& dataset_path) {
  const Hdf5Silence silence;
  const Hdf5Handle file(H5Fopen(file_path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file) return fail(broken(query.path, "is no HDF5 file, or a damaged one"));
  std::string name = dataset_path;
  if (name.empty()) {
    SOVREN_TRY(found, only_dataset(query, file.get()));
    name = found;
  }
  const Hdf5Handle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset) return fail(broken(query.path, "there is no dataset '" + name + "' in the file"));
  const std::string where = file_path + "#" + name;
  SOVREN_TRY(shape, shape_of(where, dataset.get()));

  const auto rows = static_cast<std::size_t>(shape[0]);
  const auto columns = static_cast<std::size_t>(shape[1]);
  std::vector<double> all(rows * columns);
  if (!all.empty() &&
      H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) < 0)
    return fail(broken(where, "the dataset cannot be read: the file is damaged"));
  Table table;
  table.all_names = names_of(dataset.get(), static_cast<int>(columns));
  SOVREN_TRY(chosen, choose_columns(where, table.all_names, query.variables));
  table.rows = static_cast<int>(rows);
  table.columns = static_cast<int>(chosen.size());
  table.values.reserve(rows * chosen.size());
  for (const int column : chosen)
    table.names.push_back(table.all_names[static_cast<std::size_t>(column)]);
  for (std::size_t row = 0; row < rows; ++row)
    for (const int column : chosen) {
      const double number = all[row * columns + static_cast<std::size_t>(column)];
      const auto value = admit(number, query.missing);
      if (!value)
        return fail(not_admitted(where + ": row " + std::to_string(row + 1),
                                 table.all_names[static_cast<std::size_t>(column)], number));
      table.values.push_back(*value);
    }
  return table;
}

}  // namespace sovren::jobs
