// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/model/job_spec.h"
#include "core/text/problems.h"
#include "core/text/toml_tree.h"

namespace sovren::text {

// What job files and batch scripts share.

/// Reads a whole tree of keys into a spec.
JobSpec read_spec(const TomlValue& root, Problems& problems, std::string_view base_dir,
                  std::string_view default_name);

/// Puts a value that was written outside of TOML, as by --set, at its dotted key; tables are merged
/// and values replaced. value: TOML, or else a bare text.
void put_key(std::string_view key, std::string_view value, const Place& place, TomlValue& root,
             Problems& problems);

/// All overrides, in order.
void apply_overrides(std::span<const Override> overrides, TomlValue& root, Problems& problems);

/// What is read must be small enough to be printed and read again.
void check_size(const JobSpec& spec, Problems& problems);

/// `text` if it may name a job; else "job".
std::string job_name_of(std::string text);

}  // namespace sovren::text
