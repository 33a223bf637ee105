// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"

namespace sovren::storage {

/// Puts a result's pictures, the files image.* of its folder, among the frames of a sequence:
/// image.exr becomes STEM.exr, by a hard link, or a copy where the file system has none. Doing it
/// again, also after a crash in the midst, ends in the same; a frame that was made anew replaces
/// the old one as a whole. Makes the folder. Durable. Errors   storage_io.
Result<void> add_to_sequence(const std::string& result, const std::string& stem);

}  // namespace sovren::storage
