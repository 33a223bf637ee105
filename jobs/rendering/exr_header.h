// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace sovren::jobs {

/// Has every attribute of an OpenEXR file's headers the data that it claims, and of the length that
/// its type wants? The library allocates what an attribute claims before it looks, 2 GB if a file
/// of 100 bytes says so, and reads fixed types without heeding the length that is written. Source
/// OpenEXR File Layout (openexr.com): (name, type, size, data) each, up to an empty name;
///          with several parts, headers up to an empty one.
bool has_whole_headers(std::span<const std::byte> file);

}  // namespace sovren::jobs
