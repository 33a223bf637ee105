// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/master_key.h"

namespace sovren::storage {

/// What the elements of one array are like. Whole numbers stay whole: a 64-bit cursor is shown to
/// its last digit.
struct ArraySummary {
  using Number = std::variant<std::int64_t, double>;
  ArrayInfo info;
  std::int64_t elements = 0;
  std::int64_t nans = 0;
  std::int64_t infinities = 0;
  std::optional<Number> least;  ///< of the finite elements; none: there are none
  std::optional<Number> greatest;
  double mean = 0;  ///< of the finite elements
  /// More than one element, all finite and the same.
  bool is_constant = false;
};

struct SetSummary {
  SetInfo set;
  bool is_encrypted = false;
  std::vector<ArraySummary> arrays;  ///< by name
};

/// Reads every element of a set once, in blocks of a few MiB, each of which is compared with its
/// checksum; needs no HDF5. key: of an encrypted set.
///
/// Cost     about 1 CPU s/GiB; memory of a few blocks, however long the rows are.
/// Errors   not_found; storage_corrupt; mismatch: another key, or a newer Sovren's set; storage_io.
Result<SetSummary> summarize_set(const std::string& set_path, const std::optional<MasterKey>& key);

/// The same by the manifest alone: of the arrays, only `info` and `elements` are known.
Result<SetSummary> describe_set(const std::string& set_path);

}  // namespace sovren::storage
