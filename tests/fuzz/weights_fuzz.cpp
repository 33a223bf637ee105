// SPDX-License-Identifier: Apache-2.0
// Any bytes as a weights file, and as a safetensors file of a header, a line feed and data: its
// shape, and its parameters where it has one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "jobs/training/weights.h"
#include "jobs/training/weights_file.h"

namespace {

using namespace sovren;

void read(std::string_view file) {
  const auto shape = jobs::shape_of(file);
  if (!shape) return;
  const nn::ParameterTable table(*shape);
  const auto parameters = jobs::parameters_of(file, table);
  if (!parameters) return;
  const auto again = jobs::parameters_of(jobs::to_safetensors(table, *parameters, "byte"), table);
  SOVREN_CHECK(again && *again == *parameters, "what was read can be written and read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read(input);
  const std::uint64_t length = std::min(input.find('\n'), input.size());
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  file += input.substr(0, length);
  if (length < input.size()) file += input.substr(length + 1);
  read(file);
  return 0;
}
