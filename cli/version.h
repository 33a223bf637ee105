// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sovren::cli {

/// "0.1.0": of CMakeLists.txt.
std::string_view version();

}  // namespace sovren::cli
