// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/render_plan.h"

#include <algorithm>

#include "core/base/check.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

namespace {
constexpr int block = trace::Film::block_samples;
}

RenderPlan::RenderPlan(int width, int height, int tile, int samples, Epochs epochs)
    : width_(width),
      height_(height),
      tile_(tile),
      tiles_x_((width + tile - 1) / tile),
      tiles_y_((height + tile - 1) / tile) {
  if (epochs == Epochs::doubling)
    for (std::int64_t end = block; end < samples; end *= 2)
      epoch_ends_.push_back(static_cast<int>(end));
  epoch_ends_.push_back(samples);
}

int RenderPlan::passes(int epoch) const {
  const int begin = samples_before(epoch);
  const int blocks = (samples_after(epoch) - begin + block - 1) / block;
  return begin == 0 && samples_after(0) > 1 ? blocks + 1 : blocks;
}

int RenderPlan::pass_end(int epoch, int pass) const {
  const int begin = samples_before(epoch);
  if (begin == 0) return pass == 0 ? 1 : std::min(pass * block, samples_after(0));
  return std::min(begin + (pass + 1) * block, samples_after(epoch));
}

trace::RenderUnit RenderPlan::unit(int epoch, const std::vector<std::int32_t>& active,
                                   std::int64_t unit) const {
  const auto count = static_cast<std::int64_t>(active.size());
  SOVREN_CHECK(unit >= 0 && unit < units(epoch, count), "the unit is one of the epoch's");
  const int pass = static_cast<int>(unit / count);
  const int tile = active[static_cast<std::size_t>(unit % count)];
  const int x = tile % tiles_x_ * tile_;
  const int y = tile / tiles_x_ * tile_;
  const int first = pass == 0 ? samples_before(epoch) : pass_end(epoch, pass - 1);
  return {.x_begin = x,
          .y_begin = y,
          .x_end = std::min(x + tile_, width_),
          .y_end = std::min(y + tile_, height_),
          .first_sample = static_cast<std::uint32_t>(first),
          .samples = static_cast<std::uint32_t>(pass_end(epoch, pass) - first)};
}

int RenderPlan::samples_done(int epoch, std::int64_t active_tiles, std::int64_t units,
                             std::int64_t place) const {
  const auto full = static_cast<int>(units / active_tiles);
  const int passes_done = full + (place < units % active_tiles ? 1 : 0);
  return passes_done == 0 ? samples_before(epoch) : pass_end(epoch, passes_done - 1);
}

std::vector<std::uint8_t> still_active(const RenderPlan& plan, const std::vector<double>& errors,
                                       const std::vector<std::uint8_t>& active, double threshold) {
  std::vector<std::uint8_t> still(active.size());
  for (int y = 0; y < plan.tiles_y(); ++y)
    for (int x = 0; x < plan.tiles_x(); ++x) {
      const auto tile = static_cast<std::size_t>(y * plan.tiles_x() + x);
      if (active[tile] == 0 || errors[tile] <= threshold) continue;
      for (int ny = std::max(0, y - 1); ny <= std::min(plan.tiles_y() - 1, y + 1); ++ny)
        for (int nx = std::max(0, x - 1); nx <= std::min(plan.tiles_x() - 1, x + 1); ++nx) {
          const auto neighbour = static_cast<std::size_t>(ny * plan.tiles_x() + nx);
          still[neighbour] = active[neighbour];
        }
    }
  return still;
}

std::vector<std::int32_t> tiles_of(const std::vector<std::uint8_t>& flags) {
  std::vector<std::int32_t> tiles;
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i] != 0) tiles.push_back(static_cast<std::int32_t>(i));
  return tiles;
}

}  // namespace sovren::jobs
