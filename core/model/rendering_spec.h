// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sovren {

/// [rendering]: a picture of a scene by path tracing.
struct RenderingSpec {
  enum class ToneMap { standard, filmic };
  enum class PixelFilter { box, gaussian, blackman_harris };
  enum class Smith { correlated, separable };
  enum class Sampling { mis, light, bsdf };
  enum class Tracer { automatic, embree, bvh };
  enum class Precision { half, full };
  /// Layers of image.exr besides the picture, in this order.
  enum class Aov { albedo, normal, depth, position, object_id, variance, samples };
  static constexpr int aov_count = 7;

  std::string scene;   ///< path: .gltf, .glb, .obj, .ply or Mitsuba's .xml
  std::string camera;  ///< name of a node or camera of the scene; empty: the first, or one that
                       ///< shows everything
  int width = 512;
  int height = 512;
  int samples = 128;           ///< of each pixel, at most
  double noise_threshold = 0;  ///< estimated relMSE at which a tile is done; 0: all samples
  int max_depth = 12;          ///< bounces; 0: emission and direct light
  int roulette_depth = 4;
  std::uint64_t seed = 0;
  std::string environment;  ///< path: .exr or .hdr, lat-long; empty: the scene's own, or black
  double environment_strength = 1;
  double environment_rotation = 0;  ///< degrees about the up axis
  bool transparent = false;         ///< is the environment left out of the picture?
  std::vector<Aov> aovs;
  /// "": none; "filter": guided by the AOVs; else the path of OIDN weights (.tza).
  std::string denoise;
  double exposure = 0;  ///< stops
  ToneMap tone_map = ToneMap::standard;
  Precision precision = Precision::full;  ///< of image.exr
  int tile = 16;          ///< pixels along the side of a tile: unit of work and of noise_threshold
  std::string reference;  ///< path: .exr, .hdr or .png that scores the picture; empty: none
  std::string frame = "0";        ///< a whole number once the array's axes are in
  double frames_per_second = 24;  ///< time = frame / frames_per_second
  double shutter = 0;             ///< share of a frame that the shutter is open; 0: no blur
  double lens_radius = 0;         ///< of the aperture, in scene units; 0: as the scene has
  double focus_distance = 0;      ///< 0: as the scene has
  PixelFilter filter = PixelFilter::box;
  std::optional<double> filter_width;  ///< pixels; absent: 1 of box, 1.5 of the others
  double clamp = 0;                    ///< most that a sample adds by its indirect light; 0: any
  Smith smith = Smith::correlated;
  bool energy_compensation = true;  ///< is light given back that rough surfaces lose?
  Sampling sampling = Sampling::mis;
  Tracer tracer = Tracer::automatic;  ///< on the CPU
  bool operator==(const RenderingSpec&) const = default;
};

/// The number that a text such as "12" or "0012" is; none if it is none from -1000000 to 1000000.
std::optional<int> frame_number(const std::string& text);

}  // namespace sovren
