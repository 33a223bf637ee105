// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"

// Only .cpp files include this: nlohmann/json costs seconds to compile.

namespace sovren::text {

/// JSON whose objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// Reads one JSON document (RFC 8259). Errors: data_invalid; against the grammar or not UTF-8
/// (`where` = "name:line:column"), a key that stands twice, or values nested more than depth_max
/// deep (named by JSON pointer).
Result<Json> parse_json(std::string_view text, std::string_view name, std::size_t depth_max = 64);

/// One line, or indented. NaN and infinities become null, bytes that are not UTF-8 become U+FFFD.
std::string dump_json(const Json& json, int indent = -1);

// Members of an object by JSON pointer ("/resources/cpus") or by key ("cpus"). Errors:
// data_invalid, naming the pointer: not there, of another type, or out of range.
Result<std::string> get_string(const Json& json, std::string_view key);
Result<std::int64_t> get_int(const Json& json, std::string_view key);
Result<double> get_double(const Json& json, std::string_view key);
Result<bool> get_bool(const Json& json, std::string_view key);
/// The member itself, of any type. Lives as long as json.
Result<const Json*> get_member(const Json& json, std::string_view key);

/// {"code":"storage_io","what":...,"hint":...,"where":...,"context":[...]}; empty members are left
/// out.
Json error_to_json(const Error& error);
Result<Error> error_from_json(const Json& json);

}  // namespace sovren::text
