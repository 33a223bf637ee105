// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/job_spec.h"
#include "jobs/causal/share.h"
#include "kernels/causal/usable_times.h"

namespace sovren::jobs {

/// The table as kernels see it, with the bytes that say what is missing and what is masked. The
/// inputs must outlive it.
struct DataView {
  DataView(const Inputs& inputs, CausalSpec::MaskType type);
  DataView(const DataView&) = delete;
  DataView& operator=(const DataView&) = delete;

  std::vector<std::uint8_t> valid;   ///< empty: nothing is missing
  std::vector<std::uint8_t> masked;  ///< empty: nothing is masked
  kernels::Series series;
  kernels::Mask mask;
};

}  // namespace sovren::jobs
