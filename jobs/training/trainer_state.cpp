// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/trainer_state.h"

#include <algorithm>
#include <cstring>

namespace sovren::jobs {

Result<void> put_parameters(StateWriter& writer, const nn::ParameterTable& table,
                            std::span<const float> parameters, int rank, int ranks) {
  for (const nn::Tensor& tensor : table.tensors()) {
    const std::int64_t first = tensor.rows * rank / ranks;
    const std::int64_t count = tensor.rows * (rank + 1) / ranks - first;
    if (count == 0) continue;
    std::vector<std::int64_t> shape{tensor.rows};
    if (tensor.is_matrix) shape.push_back(tensor.columns);
    SOVREN_DO(writer.put<float>(
        "model/" + tensor.name, std::move(shape), Rows{first, count},
        parameters.subspan(static_cast<std::size_t>(tensor.offset + first * tensor.columns),
                           static_cast<std::size_t>(count * tensor.columns))));
  }
  return {};
}

Result<std::vector<float>> get_parameters(StateReader& reader, const nn::ParameterTable& table) {
  std::vector<float> parameters(static_cast<std::size_t>(table.size()));
  for (const nn::Tensor& tensor : table.tensors())
    SOVREN_DO(
        reader.get("model/" + tensor.name, Dtype::f32, Rows{0, tensor.rows},
                   std::as_writable_bytes(std::span(parameters)
                                              .subspan(static_cast<std::size_t>(tensor.offset),
                                                       static_cast<std::size_t>(tensor.size())))));
  return parameters;
}

Result<void> put_slice(StateWriter& writer, const std::string& name, std::int64_t size,
                       const Slice& slice, std::span<const float> values) {
  if (slice.count == 0) return {};
  return writer.put<float>(name, {size}, Rows{slice.first, slice.count}, values);
}

Result<std::vector<float>> get_slice(StateReader& reader, const std::string& name,
                                     const Slice& slice) {
  if (slice.count == 0) return std::vector<float>{};
  return reader.get_rows<float>(name, Rows{slice.first, slice.count});
}

Result<void> put_parts(StateWriter& writer, std::span<const std::int64_t> parts, int rank) {
  if (rank != 0) return {};
  std::vector<std::int64_t> counted{static_cast<std::int64_t>(parts.size() / 2)};
  counted.insert(counted.end(), parts.begin(), parts.end());
  return writer.put_all<std::int64_t>("gradient/parts", counted);
}

Result<std::vector<std::int64_t>> get_parts(StateReader& reader) {
  SOVREN_TRY(counted, reader.get_all<std::int64_t>("gradient/parts"));
  if (counted.empty() || counted[0] < 0 ||
      counted.size() != 1 + 2 * static_cast<std::size_t>(counted[0]))
    return fail({.code = Code::storage_corrupt, .what = "gradient/parts does not count its parts"});
  return std::vector<std::int64_t>(counted.begin() + 1, counted.end());
}

std::string sum_name(std::size_t part) {
  return "gradient/sum" + std::to_string(part);
}

std::vector<TensorPart> parts_of_slice(const nn::ParameterTable& table, const Slice& slice) {
  std::vector<TensorPart> parts;
  const std::int64_t end = slice.first + slice.count;
  for (std::size_t i = 0; i < table.tensors().size(); ++i) {
    const nn::Tensor& tensor = table.tensors()[i];
    const bool is_last = i + 1 == table.tensors().size();
    const std::int64_t next = is_last ? table.size() : table.tensors()[i + 1].offset;
    const std::int64_t first = std::max(tensor.offset, slice.first);
    const std::int64_t count = std::min(next, end) - first;
    if (count > 0) parts.push_back({first, count, tensor.is_matrix});
  }
  return parts;
}

Result<std::vector<double>> gather_numbers(Communicator& comm, std::span<const double> mine) {
  SOVREN_TRY(all, comm.all_gather(std::as_bytes(mine)));
  std::vector<double> numbers;
  for (const Communicator::Bytes& bytes : all) {
    const std::size_t before = numbers.size();
    numbers.resize(before + bytes.size() / sizeof(double));
    if (!bytes.empty()) std::memcpy(numbers.data() + before, bytes.data(), bytes.size());
  }
  return numbers;
}

}  // namespace sovren::jobs
