// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "core/text/json.h"
#include "kernels/trace/material.h"

namespace sovren::jobs {

/// The material as glTF has it, with the extensions that it needs; their names are added to `used`.
text::Json gltf_material(const trace::Material& material, const std::string& name,
                         std::set<std::string>& used);

}  // namespace sovren::jobs
