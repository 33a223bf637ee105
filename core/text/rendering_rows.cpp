// SPDX-License-Identifier: Apache-2.0
// [rendering], key by key.
#include "core/text/custom_fields.h"
#include "core/text/row_makers.h"

namespace sovren::text {
namespace {

// In the order of their enumerators.
constexpr std::string_view tone_maps[] = {"standard", "filmic"};
constexpr std::string_view pixel_filters[] = {"box", "gaussian", "blackman-harris"};
constexpr std::string_view smiths[] = {"correlated", "separable"};
constexpr std::string_view samplings[] = {"mis", "light", "bsdf"};
constexpr std::string_view tracers[] = {"auto", "embree", "bvh"};
constexpr std::string_view exr_precisions[] = {"half", "float"};

}  // namespace

/// The scene, its light and its camera.
std::vector<Row> rendering_rows() {
  using R = RenderingSpec;
  constexpr std::string_view r = "rendering";
  constexpr bool told_by_digest = false;
  return {
      {r,
       "scene",
       path<InKind<R, &R::scene>>(),
       "\"scene.glb\"",
       "The scene: glTF 2.0 (.gltf, .glb), .obj, .ply, or Mitsuba 3's .xml.",
       required,
       {},
       told_by_digest},
      {r, "camera", text<InKind<R, &R::camera>>(nullptr, "text"), "\"closeup\"",
       "Name of a camera of the scene, or of the node that bears it.", optional,
       "the scene's first; without any, one that shows everything"},
      {r, "width", whole<InKind<R, &R::width>>(1, 65536), "1920", "Pixels."},
      {r, "height", whole<InKind<R, &R::height>>(1, 65536), "1080", "Pixels."},
      {r, "frame", frame_field(), "\"${frame}\"",
       "Animations are shown at the time frame / frames_per_second."},
      {r, "frames_per_second", open_range<InKind<R, &R::frames_per_second>>(0, 1e6), "24",
       "See frame."},
      {r, "shutter", range<InKind<R, &R::shutter>>(0, 1), "0.5",
       "Motion blur: the share of a frame that the shutter is open; 0: none."},
      {r, "lens_radius", range<InKind<R, &R::lens_radius>>(0, 1e9), "0.01",
       "Depth of field: of the aperture, in the scene's units; 0: as the scene has."},
      {r, "focus_distance", range<InKind<R, &R::focus_distance>>(0, 1e12), "2.5",
       "Of what is sharp, along the view; 0: as the scene has."},
      {r, "environment", path<InKind<R, &R::environment>>(), "\"studio.exr\"",
       "Light from all around: a latitude-longitude picture (.exr, .hdr); +x is its middle, up "
       "is +y.",
       optional, "the scene's own, or none", told_by_digest},
      {r, "environment_strength", range<InKind<R, &R::environment_strength>>(0, 1e9), "1.5",
       "Multiplies it."},
      {r, "environment_rotation", range<InKind<R, &R::environment_rotation>>(-360, 360), "90",
       "Degrees about the up axis, counter-clockwise seen from above."},
      {r, "transparent", flag<InKind<R, &R::transparent>>(), "true",
       "Is the environment left out of the picture? It still lights; alpha is 0 there."},
      {r, "reference", path<InKind<R, &R::reference>>(), "\"reference.exr\"",
       "A picture of the same size that scores this one: .exr, .hdr or .png.", optional, "none",
       told_by_digest},
  };
}

/// How it is computed, and what becomes of it.
std::vector<Row> more_rendering_rows() {
  using R = RenderingSpec;
  constexpr std::string_view r = "rendering";
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  return {
      {r, "samples", whole<InKind<R, &R::samples>>(1, 1 << 18), "256", "Of each pixel, at most."},
      {r, "noise_threshold", range<InKind<R, &R::noise_threshold>>(0, 1), "0.001",
       "Adaptive sampling: a tile is done when its estimated relative squared error (relMSE) is at "
       "most this; looked at after 16, 32, 64, ... samples. 0: all samples everywhere."},
      {r, "max_depth", whole<InKind<R, &R::max_depth>>(0, 1024), "8",
       "Bounces; 0: emission and direct light."},
      {r, "roulette_depth", whole<InKind<R, &R::roulette_depth>>(0, 1024), "4",
       "Bounces after which dim paths may end by chance, without bias."},
      {r, "seed", whole<InKind<R, &R::seed>>(0, most), "1", "Of all random numbers."},
      {r, "clamp", range<InKind<R, &R::clamp>>(0, 1e9), "10",
       "Most that one sample adds by indirect light: less noise, a darker picture; 0: any."},
      {r, "filter", choice<InKind<R, &R::filter>>(pixel_filters), "\"blackman-harris\"",
       "How a pixel weighs the samples about it."},
      {r, "filter_width", open_range<InKind<R, &R::filter_width>>(0, 16), "1.5",
       "In pixels, of the whole filter.", optional, "1 of box, else 1.5"},
      {r, "smith", choice<InKind<R, &R::smith>>(smiths), "\"separable\"",
       "Shadowing and masking of rough surfaces: correlated as glTF and pbrt have it, separable as "
       "Cycles 3.4 and Mitsuba."},
      {r, "energy_compensation", flag<InKind<R, &R::energy_compensation>>(), "false",
       "Is light given back that is lost between the bumps of rough metal and glass? false, as "
       "Cycles 3.4 has it: they get darker."},
      {r, "sampling", choice<InKind<R, &R::sampling>>(samplings), "\"mis\"",
       "How light is found: lamps are looked for and met by chance, weighed (mis); only one of the "
       "two, for comparisons."},
      {r, "tracer", choice<InKind<R, &R::tracer>>(tracers), "\"embree\"",
       "What finds rays' hits on the CPU: our own tree (bvh, auto), with the same bits on every "
       "processor, or Intel's Embree where it is installed."},
      {r, "aovs", aovs_field(), "[\"albedo\", \"normal\", \"depth\"]",
       "Layers of image.exr besides the picture: albedo, normal, depth, position, object_id, "
       "variance, samples.",
       optional, "none"},
      {r, "denoise", denoise_field(), "true",
       "true: a filter guided by albedo, normal and depth; or the path of Open Image Denoise "
       "weights (.tza).",
       optional, "false"},
      {r, "exposure", range<InKind<R, &R::exposure>>(-100, 100), "0.5", "Stops, of image.png."},
      {r, "tone_map", choice<InKind<R, &R::tone_map>>(tone_maps), "\"filmic\"",
       "Of image.png. standard: sRGB, clipped; filmic: highlights roll off."},
      {r, "precision", choice<InKind<R, &R::precision>>(exr_precisions), "\"half\"",
       "Of the numbers in image.exr."},
      {r, "tile", whole<InKind<R, &R::tile>>(4, 256), "16",
       "Pixels along the side of a tile: ranks and threads take tile by tile."},
  };
}

}  // namespace sovren::text
