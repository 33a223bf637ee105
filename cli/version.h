// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sovren::cli {

inline constexpr std::string_view version_text = SOVREN_VERSION;

}  // namespace sovren::cli
