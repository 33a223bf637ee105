// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sovren::kernels {

/// Dense bf16 operations a second that the maker's datasheet promises for a device of this name, as
/// list_devices() has it; 0: not known here.
double datasheet_flops(std::string_view device_name);

}  // namespace sovren::kernels
