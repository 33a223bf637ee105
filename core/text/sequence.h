// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/model/job_spec.h"

namespace sovren::text {

/// The name of an element's pictures among those of the array's other frames, without extension:
/// "turntable.0012", the frame in four digits or more. Before it stands the job's name without the
/// axes that make the frame; other axes are added where the name leaves them out, so that no two
/// elements have one file. None: it renders nothing, or its frame is no axis of its array.
std::optional<std::string> sequence_stem(const JobSpec& spec, std::int64_t element);

}  // namespace sovren::text
