// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/state_io.h"
#include "storage/file/file.h"

namespace sovren::storage {

/// Whether python3-h5py is installed.
inline bool has_h5py() {
  return std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0;
}

/// numpy's name of a type: its own "u8" has eight bytes.
inline std::string numpy_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::u8:
      return "uint8";
    case Dtype::i32:
      return "int32";
    case Dtype::i64:
      return "int64";
    case Dtype::f32:
      return "float32";
    case Dtype::f64:
      return "float64";
  }
  return "";
}

/// Has the Python example of docs/formats.md read a set that is not encrypted, and compares each
/// array with what `reader` gives; says how they differ, or what failed. arrays: all of the set, in
/// the order of their names. scratch: a folder to be made.
inline std::string h5py_difference(const std::string& set_path, StateReader& reader,
                                   const std::vector<ArrayInfo>& arrays,
                                   const std::string& scratch) {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) return "SOVREN_SOURCE is not set; run it by ctest";
  std::string list;
  const auto write = [&]() -> Result<void> {
    SOVREN_DO(make_directories(scratch));
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      std::string shape;
      std::size_t size = dtype_bytes(arrays[i].dtype);
      for (const std::int64_t length : arrays[i].shape) {
        shape += (shape.empty() ? "" : ",") + std::to_string(length);
        size *= static_cast<std::size_t>(length);
      }
      std::string bytes(size, '\0');
      SOVREN_DO(reader.get(arrays[i].name, arrays[i].dtype, {0, arrays[i].shape.front()},
                           std::as_writable_bytes(std::span(bytes))));
      SOVREN_DO(write_file_atomic(scratch + "/" + std::to_string(i), bytes));
      list += (list.empty() ? "" : ",\n") + std::string("{\"name\":\"") + arrays[i].name +
              "\",\"dtype\":\"" + numpy_name(arrays[i].dtype) + "\",\"shape\":[" + shape + "]}";
    }
    return write_file_atomic(scratch + "/list.json", "[" + list + "]");
  };
  if (const auto written = write(); !written) return to_text(written.error());
  const std::string script = source + std::string("/tests/unit/storage_checkpoint/read_set.py");
  const std::string command = "/usr/bin/python3 -B '" + script + "' '" + source +
                              "/docs/formats.md' '" + set_path + "' '" + scratch + "' >'" +
                              scratch + "/said' 2>&1";
  if (std::system(command.c_str()) == 0) return "";
  const auto said = read_file(scratch + "/said");
  return said ? *said : "it said nothing";
}

}  // namespace sovren::storage
