// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "jobs/causal/table.h"
#include "kernels/causal/test_source.h"

namespace sovren::jobs {

/// The data as PC1 and MCI test them, with all that they refer to.
class TestData {
 public:
  virtual ~TestData() = default;
  virtual const kernels::TestSource& source() const = 0;
};

/// Computes the correlations of all lagged variables, each rank its part, and gives all to all. The
/// table must outlive the result. Collective.
///
/// Errors   data_invalid, device; one rank's failure fails all.
Result<std::unique_ptr<TestData>> share_correlations(Communicator& comm, const Table& table,
                                                     int max_lag, Backend backend);

/// Bytes that the correlations and the result take on one rank, about.
std::int64_t memory_needed_bytes(const Table& table, int max_lag);

}  // namespace sovren::jobs
