// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/flip.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sovren::jobs {

namespace {

constexpr double pi = 3.14159265358979323846;

using Color = std::array<double, 3>;
using Planes = std::array<Plane, 3>;

// --- Colour spaces. Linear sRGB with the white (0.31271, 0.32902), as the paper's authors have it.

constexpr std::array<Color, 3> xyz_from_rgb{{{0.412386563, 0.357591491, 0.180450491},
                                             {0.212636822, 0.715182982, 0.072180196},
                                             {0.019330620, 0.119197164, 0.950372587}}};
constexpr std::array<Color, 3> rgb_from_xyz{{{3.241003233, -1.537398969, -0.498615882},
                                             {-0.969224252, 1.875929984, 0.041554226},
                                             {0.055639420, -0.204011206, 1.057148977}}};

constexpr Color product(const std::array<Color, 3>& rows, const Color& v) {
  Color out{};
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = rows[i][0] * v[0] + rows[i][1] * v[1] + rows[i][2] * v[2];
  return out;
}

constexpr Color white = product(xyz_from_rgb, {1, 1, 1});

Color relative_xyz(const Color& rgb) {
  Color xyz = product(xyz_from_rgb, rgb);
  for (std::size_t i = 0; i < 3; ++i) xyz[i] /= white[i];
  return xyz;
}

/// Light and two colours that are opposed, linear in light: what the eye's filters work on.
Color opponent_from_rgb(const Color& rgb) {
  const auto [x, y, z] = relative_xyz(rgb);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

Color rgb_from_opponent(const Color& ycc) {
  const double y = (ycc[0] + 16) / 116;
  return product(rgb_from_xyz,
                 {(y + ycc[1] / 500) * white[0], y * white[1], (y - ycc[2] / 200) * white[2]});
}

/// CIELAB, its colours scaled by lightness: the dark has less colour (Hunt's effect).
Color hunt_lab(const Color& rgb) {
  constexpr double border = 6.0 / 29;
  Color f = relative_xyz(rgb);
  for (double& t : f)
    t = t > border * border * border ? std::cbrt(t) : t / (3 * border * border) + 4.0 / 29;
  const double lightness = 116 * f[1] - 16;
  return {lightness, 0.01 * lightness * 500 * (f[0] - f[1]),
          0.01 * lightness * 200 * (f[1] - f[2])};
}

/// Abasi et al.'s distance, for colours far apart: along lightness, and then across.
double hyab(const Color& a, const Color& b) {
  return std::fabs(a[0] - b[0]) + std::hypot(a[1] - b[1], a[2] - b[2]);
}

// --- What the eye cannot see is filtered out: its contrast sensitivity as sums of Gaussians.

struct Sensitivity {
  double a1, b1, a2, b2;
};
constexpr std::array<Sensitivity, 3> sensitivities{
    {{1, 0.0047, 0, 1e-5}, {1, 0.0053, 0, 1e-5}, {34.1, 0.04, 13.5, 0.025}}};

/// exp(-pi^2 x^2 / b), x in degrees; sum: of it.
Kernel gaussian(double b, int radius, double pixels_per_degree, double& sum) {
  Kernel kernel;
  sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    const double x = i / pixels_per_degree;
    kernel.push_back(static_cast<float>(std::exp(-pi * pi * x * x / b)));
    sum += kernel.back();
  }
  for (float& weight : kernel) weight = static_cast<float>(weight / sum);
  return kernel;
}

/// By a1 sqrt(pi / b1) exp(-pi^2 r^2 / b1) + the same with a2 and b2, scaled to a sum of 1: each
/// Gaussian is separable, their sum is not.
Plane seen(const Plane& plane, const Sensitivity& s, double pixels_per_degree) {
  constexpr double widest = 0.04;  // of all b
  const int radius =
      static_cast<int>(std::ceil(3 * std::sqrt(widest / (2 * pi * pi)) * pixels_per_degree));
  double sum = 0;
  const Kernel first = gaussian(s.b1, radius, pixels_per_degree, sum);
  Plane out = convolved(plane, first, first);
  if (s.a2 == 0) return out;
  const double weight1 = s.a1 * std::sqrt(pi / s.b1) * sum * sum;
  const Kernel second = gaussian(s.b2, radius, pixels_per_degree, sum);
  const double weight2 = s.a2 * std::sqrt(pi / s.b2) * sum * sum;
  const Plane other = convolved(plane, second, second);
  const auto share = static_cast<float>(weight1 / (weight1 + weight2));
  for (std::size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = share * out.values[i] + (1 - share) * other.values[i];
  return out;
}

// --- Edges and points

struct FeatureKernels {
  Kernel smooth, edge, point;
};

/// Positive and negative weights are scaled to sums of 1 and -1.
void balance(Kernel& kernel) {
  double positive = 0, negative = 0;
  for (const float weight : kernel) (weight > 0 ? positive : negative) += weight;
  for (float& weight : kernel)
    weight = static_cast<float>(weight > 0 ? weight / positive : -weight / negative);
}

FeatureKernels feature_kernels(double pixels_per_degree) {
  constexpr double width = 0.082;  // of an edge, in degrees
  const double sigma = 0.5 * width * pixels_per_degree;
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  FeatureKernels kernels;
  double sum = 0;
  for (int x = -radius; x <= radius; ++x) {
    const double g = std::exp(-(x * x) / (2 * sigma * sigma));
    sum += g;
    kernels.smooth.push_back(static_cast<float>(g));
    kernels.edge.push_back(static_cast<float>(-x * g));
    kernels.point.push_back(static_cast<float>((x * x / (sigma * sigma) - 1) * g));
  }
  for (float& weight : kernels.smooth) weight = static_cast<float>(weight / sum);
  balance(kernels.edge);
  balance(kernels.point);
  return kernels;
}

/// How steep light is across a kernel's direction, whatever that is.
Plane strengths(const Plane& light, const Kernel& kernel, const Kernel& smooth) {
  Plane out = convolved(light, kernel, smooth);
  const Plane down = convolved(light, smooth, kernel);
  for (std::size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = std::hypot(out.values[i], down.values[i]);
  return out;
}

// --- The measure

/// One picture, as far as it can be looked at alone.
struct View {
  Planes colors;  ///< as hunt_lab() has them, of what is seen
  Plane edges, points;
};

template <class Tone>
View view_of(const Picture& picture, double pixels_per_degree, const Tone& tone) {
  const Plane none(picture.width, picture.height);
  View view{.colors = {none, none, none}};
  Plane light = none;
  for (std::size_t i = 0; i < none.values.size(); ++i) {
    Color rgb{};
    for (std::size_t c = 0; c < 3; ++c)
      rgb[c] = std::clamp(tone(color_of(picture, i, c)), 0.0, 1.0);
    const Color opponent = opponent_from_rgb(rgb);
    for (std::size_t c = 0; c < 3; ++c) view.colors[c].values[i] = static_cast<float>(opponent[c]);
    light.values[i] = static_cast<float>((opponent[0] + 16) / 116);
  }
  const FeatureKernels kernels = feature_kernels(pixels_per_degree);
  view.edges = strengths(light, kernels.edge, kernels.smooth);
  view.points = strengths(light, kernels.point, kernels.smooth);
  for (std::size_t c = 0; c < 3; ++c)
    view.colors[c] = seen(view.colors[c], sensitivities[c], pixels_per_degree);
  for (std::size_t i = 0; i < none.values.size(); ++i) {
    Color rgb = rgb_from_opponent(
        {view.colors[0].values[i], view.colors[1].values[i], view.colors[2].values[i]});
    for (double& value : rgb) value = std::clamp(value, 0.0, 1.0);
    const Color lab = hunt_lab(rgb);
    for (std::size_t c = 0; c < 3; ++c) view.colors[c].values[i] = static_cast<float>(lab[c]);
  }
  return view;
}

constexpr double color_exponent = 0.7;

/// Distances raised to color_exponent, 0 to largest, become 0 to 1; 0.4 of the largest are already
/// 0.95.
double redistributed(double distance, double largest) {
  const double knee = 0.4 * largest;
  return distance < knee ? distance * 0.95 / knee
                         : 0.95 + (distance - knee) / (largest - knee) * 0.05;
}

Plane difference(const View& a, const View& b) {
  static const double largest =
      std::pow(hyab(hunt_lab({0, 1, 0}), hunt_lab({0, 0, 1})), color_exponent);
  Plane out = a.edges;
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    Color first{}, second{};
    for (std::size_t c = 0; c < 3; ++c) {
      first[c] = a.colors[c].values[i];
      second[c] = b.colors[c].values[i];
    }
    const double color = redistributed(std::pow(hyab(first, second), color_exponent), largest);
    const double feature = std::max(std::fabs(a.edges.values[i] - b.edges.values[i]),
                                    std::fabs(a.points.values[i] - b.points.values[i]));
    const double share = std::min(1.0, std::sqrt(feature / std::sqrt(2.0)));
    out.values[i] = static_cast<float>(std::min(1.0, std::pow(color, 1 - share)));
  }
  return out;
}

/// ACES' curve (Narkowicz 2016) of 0.6 x, as the paper has it: (k0 x^2 + k1 x) / (k2 x^2 + k3 x +
/// k4).
constexpr std::array<double, 5> aces{0.36 * 2.51, 0.6 * 0.03, 0.36 * 2.43, 0.6 * 0.59, 0.14};

double on_aces(double x) {
  constexpr double most = 1e6;  // of which the square is a number
  x = std::min(x, most);
  return (aces[0] * x * x + aces[1] * x) / (aces[2] * x * x + aces[3] * x + aces[4]);
}

/// What the curve makes 0.85.
double bright_light() {
  constexpr double target = 0.85;
  const double a = aces[0] - target * aces[2], b = aces[1] - target * aces[3];
  const double c = -target * aces[4];
  return (-b + std::sqrt(b * b - 4 * a * c)) / (2 * a);
}

}  // namespace

Plane flip(const Picture& picture, const Picture& reference, double pixels_per_degree) {
  const auto as_it_is = [](float value) { return double{value}; };
  return difference(view_of(picture, pixels_per_degree, as_it_is),
                    view_of(reference, pixels_per_degree, as_it_is));
}

Exposures flip_exposures(const Picture& reference) {
  std::vector<double> light(pixels_of(reference));
  for (std::size_t i = 0; i < light.size(); ++i)
    light[i] = 0.2126 * color_of(reference, i, 0) + 0.7152 * color_of(reference, i, 1) +
               0.0722 * color_of(reference, i, 2);
  std::sort(light.begin(), light.end());
  const std::size_t half = light.size() / 2;
  const double middle = light.size() % 2 == 1 ? light[half] : (light[half - 1] + light[half]) / 2;
  constexpr double darkest = 1.1920929e-7;  // of which a median may be 0
  if (light.back() <= darkest) return {};
  Exposures exposures{.first = std::log2(bright_light() / light.back()),
                      .last = std::log2(bright_light() / std::max(middle, darkest))};
  exposures.count = std::max(2, static_cast<int>(std::ceil(exposures.last - exposures.first)));
  return exposures;
}

Plane flip_hdr(const Picture& picture, const Picture& reference, double pixels_per_degree) {
  const Exposures exposures = flip_exposures(reference);
  const double step = (exposures.last - exposures.first) / (exposures.count - 1);
  Plane out(picture.width, picture.height);
  for (int i = 0; i < exposures.count; ++i) {
    const double scale = std::exp2(exposures.first + i * step);
    const auto tone = [&](float value) { return on_aces(std::max(0.0, scale * value)); };
    const Plane errors = difference(view_of(picture, pixels_per_degree, tone),
                                    view_of(reference, pixels_per_degree, tone));
    for (std::size_t p = 0; p < out.values.size(); ++p)
      out.values[p] = std::max(out.values[p], errors.values[p]);
  }
  return out;
}

double mean(const Plane& plane) {
  double sum = 0;
  for (const float value : plane.values) sum += value;
  return sum / static_cast<double>(plane.values.size());
}

}  // namespace sovren::jobs
