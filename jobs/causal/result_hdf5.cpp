// SPDX-License-Identifier: Apache-2.0
// result.h5: the matrices, made in memory (HDF5's core driver) without time stamps, so that equal
// results are equal bytes.
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "jobs/causal/graph.h"
#include "jobs/causal/hdf5_handle.h"

namespace sovren::jobs {

namespace {

constexpr std::size_t growth_bytes = std::size_t{1} << 20;

Error hdf5_failed(const std::string& what) {
  return {.code = Code::storage_io, .what = "HDF5 could not make " + what, .where = "result.h5"};
}

Hdf5Handle text_type(std::size_t size) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), std::max<std::size_t>(size, 1));
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

bool put_text(hid_t object, const char* name, const std::string& text) {
  const Hdf5Handle type = text_type(text.size());
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(
      H5Acreate2(object, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute && H5Awrite(attribute.get(), type.get(), text.c_str()) >= 0;
}

template <class T>
bool put_number(hid_t object, const char* name, hid_t type, T value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose);
  const hid_t memory = std::is_same_v<T, double> ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
  return attribute && H5Awrite(attribute.get(), memory, &value) >= 0;
}

/// Datasets without modification times.
Hdf5Handle dataset_properties() {
  Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.get(), 0);
  return properties;
}

/// values: double or std::int8_t, stored as given, with the shape that `axes` names.
template <class T>
bool put_array(hid_t file, const std::string& name, const std::vector<std::size_t>& shape,
               const std::string& axes, const std::vector<T>& values) {
  constexpr bool is_real = std::is_same_v<T, double>;
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                         H5Sclose);
  const Hdf5Handle properties = dataset_properties();
  const Hdf5Handle dataset(H5Dcreate2(file, name.c_str(), is_real ? H5T_IEEE_F64LE : H5T_STD_I8LE,
                                      space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
                           H5Dclose);
  return dataset &&
         H5Dwrite(dataset.get(), is_real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT8, H5S_ALL, H5S_ALL,
                  H5P_DEFAULT, values.data()) >= 0 &&
         put_text(dataset.get(), "axes", axes);
}

template <class T>
bool put_matrix(hid_t file, const char* name, const CausalGraph& graph,
                const std::vector<T>& values) {
  const std::size_t n = graph.variables.size();
  return put_array(file, name, {n, n, static_cast<std::size_t>(graph.spec.max_lag) + 1},
                   "source,target,lag", values);
}

bool put_model(hid_t file, const CausalGraph& graph) {
  if (!graph.what_if) return true;
  for (const NamedArray& array : what_if_arrays(*graph.what_if, graph.spec.max_lag))
    if (!array.values.empty() &&
        !put_array(file, array.name, array.shape, array.axes, array.values))
      return false;
  return true;
}

/// Numbers of the enumerators of kernels::Mark, as the attribute "codes" says.
bool put_marks(hid_t file, const CausalGraph& graph) {
  std::vector<std::int8_t> codes(graph.mark.size());
  std::ranges::transform(graph.mark, codes.begin(),
                         [](kernels::Mark mark) { return static_cast<std::int8_t>(mark); });
  if (!put_matrix(file, "mark_matrix", graph, codes)) return false;
  const Hdf5Handle dataset(H5Dopen2(file, "mark_matrix", H5P_DEFAULT), H5Dclose);
  return dataset && put_text(dataset.get(), "codes", "0 none, 1 -->, 2 <--, 3 o-o, 4 x-x");
}

bool put_variables(hid_t file, const std::vector<std::string>& names) {
  std::size_t width = 1;
  for (const std::string& name : names) width = std::max(width, name.size());
  std::string padded;
  for (const std::string& name : names) padded += name + std::string(width - name.size(), '\0');
  const auto count = static_cast<hsize_t>(names.size());
  const Hdf5Handle type = text_type(width);
  const Hdf5Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const Hdf5Handle properties = dataset_properties();
  const Hdf5Handle dataset(H5Dcreate2(file, "variables", type.get(), space.get(), H5P_DEFAULT,
                                      properties.get(), H5P_DEFAULT),
                           H5Dclose);
  return dataset &&
         H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()) >= 0;
}

bool put_settings(hid_t file, const CausalGraph& graph) {
  const CausalSpec& spec = graph.spec;
  const MethodNames names = names_of(spec);
  return put_text(file, "schema", "sovren.causal_result/1") &&
         put_text(file, "method", names.method) && put_text(file, "test", names.test) &&
         put_text(file, "fdr", names.fdr) &&
         put_number(file, "alpha", H5T_IEEE_F64LE, spec.alpha) &&
         put_number(file, "min_lag", H5T_STD_I64LE, std::int64_t{spec.min_lag}) &&
         put_number(file, "max_lag", H5T_STD_I64LE, std::int64_t{spec.max_lag}) &&
         put_number(file, "time_steps", H5T_STD_I64LE, std::int64_t{graph.time_steps}) &&
         put_number(file, "samples", H5T_STD_I64LE, std::int64_t{graph.samples});
}

Hdf5Handle new_file() {
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.get(), growth_bytes, 0);
  const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), 0);
  return {H5Fcreate("result.h5", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose};
}

}  // namespace

Result<std::string> result_hdf5(const CausalGraph& graph) {
  const Hdf5Silence silence;
  const Hdf5Handle file = new_file();
  if (!file) return fail(hdf5_failed("a file in memory"));
  if (!put_settings(file.get(), graph)) return fail(hdf5_failed("the attributes"));
  if (!put_variables(file.get(), graph.variables)) return fail(hdf5_failed("variables"));
  if (!put_matrix(file.get(), "val_matrix", graph, graph.value) ||
      !put_matrix(file.get(), "p_matrix", graph, graph.p_value) ||
      !put_matrix(file.get(), "q_matrix", graph, graph.q_value) || !put_marks(file.get(), graph) ||
      (!graph.confidence.empty() &&
       !put_matrix(file.get(), "confidence_matrix", graph, graph.confidence)) ||
      !put_model(file.get(), graph))
    return fail(hdf5_failed("a matrix"));
  if (H5Fflush(file.get(), H5F_SCOPE_GLOBAL) < 0) return fail(hdf5_failed("the image"));
  const auto size = H5Fget_file_image(file.get(), nullptr, 0);
  if (size <= 0) return fail(hdf5_failed("the image"));
  std::string image(static_cast<std::size_t>(size), '\0');
  if (H5Fget_file_image(file.get(), image.data(), image.size()) != size)
    return fail(hdf5_failed("the image"));
  return image;
}

}  // namespace sovren::jobs
