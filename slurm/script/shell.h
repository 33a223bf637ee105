// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sovren::slurm {

/// A word as the shell reads it: 'it'\''s'. Words that need no quotes are left as they are.
std::string shell_quoted(std::string_view word);

}  // namespace sovren::slurm
