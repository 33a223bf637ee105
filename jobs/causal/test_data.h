// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "jobs/causal/share.h"
#include "kernels/causal/test_source.h"

namespace sovren::jobs {

/// The data as the searches test them, with all that they refer to.
class TestData {
 public:
  virtual ~TestData() = default;
  virtual const kernels::TestSource& source() const = 0;
};

/// The data for the test that the spec names. Of partial correlations on complete data each rank
/// computes its part, and gives all to all; whatever else the tests need, each rank makes for
/// itself. The inputs must outlive the result. Collective.
///
/// Errors   data_invalid (a discrete test on values that are not), device; one rank's failure fails
/// all.
Result<std::unique_ptr<TestData>> share_test_data(Communicator& comm, const CausalSpec& spec,
                                                  const Inputs& inputs, Backend backend);

/// The data on the time points of a bootstrap replicate, after share_test_data() went well.
std::unique_ptr<TestData> make_replicate_data(const CausalSpec& spec, const Inputs& inputs,
                                              int replicate);

/// Bytes that the tests and the result take on one rank, about.
std::int64_t memory_needed_bytes(const CausalSpec& spec, const Inputs& inputs);

}  // namespace sovren::jobs
