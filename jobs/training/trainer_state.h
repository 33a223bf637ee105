// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/communicator.h"
#include "core/port/state_io.h"
#include "jobs/training/trainer.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

// What trainers share, whatever backend they are on: above all what their state is made of
// (docs/formats.md).

/// "model/<tensor>": (rows, columns), of vectors (rows). Each rank puts a share of the rows.
Result<void> put_parameters(StateWriter& writer, const nn::ParameterTable& table,
                            std::span<const float> parameters, int rank, int ranks);
Result<std::vector<float>> get_parameters(StateReader& reader, const nn::ParameterTable& table);

/// A flat array of `size` elements, of which this rank puts its slice.
Result<void> put_slice(StateWriter& writer, const std::string& name, std::int64_t size,
                       const Slice& slice, std::span<const float> values);
Result<std::vector<float>> get_slice(StateReader& reader, const std::string& name,
                                     const Slice& slice);

/// "gradient/parts": first and count of each sum of an unfinished step; "gradient/sum<i>": the sum.
Result<void> put_parts(StateWriter& writer, std::span<const std::int64_t> parts, int rank);
Result<std::vector<std::int64_t>> get_parts(StateReader& reader);
std::string sum_name(std::size_t part);

/// A slice cut at the tensors' borders. What lies between two tensors goes with the first.
struct TensorPart {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool decays = false;
};
std::vector<TensorPart> parts_of_slice(const nn::ParameterTable& table, const Slice& slice);

/// The numbers of all ranks, in rank order, on every rank. Errors: peer_lost.
Result<std::vector<double>> gather_numbers(Communicator& comm, std::span<const double> mine);

}  // namespace sovren::jobs
