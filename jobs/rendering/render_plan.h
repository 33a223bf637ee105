// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/trace/path_tracer.h"

namespace sovren::jobs {

/// Samples of all pixels of the active tiles, in a fixed order: the same for any number of ranks.
///
/// Model    epochs, at whose ends tiles may be found done (adaptive sampling); an epoch is passes
///          of the same samples over all active tiles; a unit is one tile in one pass. The first
///          pass is one sample of each pixel, so that there is a picture soon; then blocks of 16.
class RenderPlan {
 public:
  /// doubling: epochs end after 16, 32, 64, ... samples, else there is one.
  enum class Epochs { one, doubling };
  RenderPlan(int width, int height, int tile, int samples, Epochs epochs);

  int tiles_x() const { return tiles_x_; }
  int tiles_y() const { return tiles_y_; }
  int tiles() const { return tiles_x_ * tiles_y_; }
  int tile() const { return tile_; }

  int epochs() const { return static_cast<int>(epoch_ends_.size()); }
  /// Samples of a pixel of a tile that is still active once the epoch is over.
  int samples_after(int epoch) const { return epoch_ends_[static_cast<std::size_t>(epoch)]; }
  int samples_before(int epoch) const { return epoch == 0 ? 0 : samples_after(epoch - 1); }
  int passes(int epoch) const;
  /// Units of the epoch when so many tiles are active.
  std::int64_t units(int epoch, std::int64_t active_tiles) const {
    return passes(epoch) * active_tiles;
  }
  /// Unit number `unit` of the epoch; active: the numbers of the active tiles, in order.
  trace::RenderUnit unit(int epoch, const std::vector<std::int32_t>& active,
                         std::int64_t unit) const;
  /// Samples of each active tile's pixels when the first `units` of the epoch are done; the tile
  /// of place `place` among the active ones.
  int samples_done(int epoch, std::int64_t active_tiles, std::int64_t units,
                   std::int64_t place) const;

 private:
  /// Ends of the passes, in samples.
  int pass_end(int epoch, int pass) const;

  int width_, height_, tile_;
  int tiles_x_, tiles_y_;
  std::vector<int> epoch_ends_;
};

/// The tiles that stay active: those whose error is above the threshold, and their neighbours, so
/// that no tile stops beside one that does not.
std::vector<std::uint8_t> still_active(const RenderPlan& plan, const std::vector<double>& errors,
                                       const std::vector<std::uint8_t>& active, double threshold);

/// The numbers of the tiles whose flag is set.
std::vector<std::int32_t> tiles_of(const std::vector<std::uint8_t>& flags);

}  // namespace sovren::jobs
