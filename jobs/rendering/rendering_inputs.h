// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/model/rendering_spec.h"
#include "core/port/asset_cache.h"
#include "jobs/rendering/picture.h"
#include "kernels/denoise/unet.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/settings.h"

namespace sovren::jobs {

/// What a rendering reads, ready for kernels.
struct RenderingInputs {
  std::shared_ptr<const trace::CompiledScene> scene;
  trace::RenderSettings settings;
  std::string camera;  ///< its name; empty: one that was made to show everything
  std::optional<Picture> reference;
  std::optional<denoise::UNet> denoiser;
};

/// Reads the scene at the spec's frame, the environment, the reference and the denoiser's weights,
/// and chooses the camera.
/// Errors   those of the readers; data_invalid: no such camera (naming those that there are),
///          nothing that shines, a reference of another size.   assets: see asset_store.h
Result<RenderingInputs> read_rendering_inputs(const RenderingSpec& spec,
                                              AssetCache* assets = nullptr);

/// SHA-256 (hex) of all that decides what is seen: the scene as it was read, the environment, the
/// reference and the denoiser's weights.
std::string digest_of(const RenderingInputs& inputs);

}  // namespace sovren::jobs
