// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/path_kernels.h"

#include "kernels/nn/level.h"

namespace sovren::trace {
namespace {

void begin(const RenderSettings& settings, const RenderUnit& unit, std::uint32_t first,
           std::uint32_t count, Path* paths) {
  const auto width = static_cast<std::uint32_t>(unit.x_end - unit.x_begin);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t pixel = (first + i) / unit.samples;
    paths[i] = begin_path(settings, unit.x_begin + static_cast<int>(pixel % width),
                          unit.y_begin + static_cast<int>(pixel / width),
                          unit.first_sample + (first + i) % unit.samples);
  }
}

void shade_all(const SceneView& view, const RenderSettings& settings, Path* paths,
               const std::uint32_t* alive, std::uint32_t count, const Hit* hits,
               ShadowRay* shadows) {
  for (std::uint32_t k = 0; k < count; ++k)
    shade(view, settings, paths[alive[k]], hits[k], shadows[k]);
}

}  // namespace
}  // namespace sovren::trace

namespace sovren::nn {

template <>
const trace::PathKernels& kernels_of<trace::PathKernels, Level::SOVREN_LEVEL>() {
  static constexpr trace::PathKernels kernels{trace::begin, trace::shade_all};
  return kernels;
}

}  // namespace sovren::nn
