# SPDX-License-Identifier: Apache-2.0
"""Measures of pictures, written down from the papers in float64: every kernel whole, in two
dimensions, nothing separated. What jobs/rendering's are compared with."""

import numpy as np
from scipy import ndimage

PPD = 0.7 * 3840 / 0.7 * np.pi / 180

# Linear sRGB from its primaries, and the white that FLIP's authors have.
PRIMARIES = np.array([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)])
WHITE_XY = np.array([0.31271, 0.32902])


def _xyz(xy):
    return np.array([xy[0] / xy[1], 1, (1 - xy[0] - xy[1]) / xy[1]])


WHITE = _xyz(WHITE_XY)
_COLUMNS = np.stack([_xyz(xy) for xy in PRIMARIES], axis=1)
XYZ_FROM_RGB = _COLUMNS * np.linalg.solve(_COLUMNS, WHITE)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)


def srgb(linear):
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)


def opponent(rgb):
    x, y, z = np.moveaxis(rgb @ XYZ_FROM_RGB.T / WHITE, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb_of_opponent(ycc):
    y = (ycc[..., 0] + 16) / 116
    xyz = np.stack([y + ycc[..., 1] / 500, y, y - ycc[..., 2] / 200], axis=-1) * WHITE
    return xyz @ RGB_FROM_XYZ.T


def hunt_lab(rgb):
    t = rgb @ XYZ_FROM_RGB.T / WHITE
    d = 6 / 29
    f = np.where(t > d**3, np.cbrt(t), t / (3 * d * d) + 4 / 29)
    light = 116 * f[..., 1] - 16
    return np.stack(
        [light, 0.01 * light * 500 * (f[..., 0] - f[..., 1]),
         0.01 * light * 200 * (f[..., 1] - f[..., 2])], axis=-1)


def hyab(a, b):
    d = a - b
    return np.abs(d[..., 0]) + np.sqrt(d[..., 1] ** 2 + d[..., 2] ** 2)


def _grid(radius):
    return np.meshgrid(np.arange(-radius, radius + 1.0), np.arange(-radius, radius + 1.0))


def sensitivity_kernel(terms, ppd):
    radius = int(np.ceil(3 * np.sqrt(0.04 / (2 * np.pi**2)) * ppd))
    x, y = _grid(radius)
    r2 = (x**2 + y**2) / ppd**2
    kernel = sum(a * np.sqrt(np.pi / b) * np.exp(-np.pi**2 * r2 / b) for a, b in terms)
    return kernel / kernel.sum()


SENSITIVITIES = [[(1, 0.0047)], [(1, 0.0053)], [(34.1, 0.04), (13.5, 0.025)]]


def feature_kernel(is_point, ppd):
    sigma = 0.5 * 0.082 * ppd
    x, y = _grid(int(np.ceil(3 * sigma)))
    g = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    kernel = (x**2 / sigma**2 - 1) * g if is_point else -x * g
    positive, negative = kernel[kernel > 0].sum(), -kernel[kernel < 0].sum()
    return np.where(kernel > 0, kernel / positive, kernel / negative)


def _filtered(plane, kernel):
    return ndimage.correlate(plane, kernel, mode="nearest")


def features(rgb, is_point, ppd):
    light = (opponent(rgb)[..., 0] + 16) / 116
    kernel = feature_kernel(is_point, ppd)
    return np.hypot(_filtered(light, kernel), _filtered(light, kernel.T))


def seen(rgb, ppd):
    ycc = opponent(rgb)
    out = [_filtered(ycc[..., c], sensitivity_kernel(SENSITIVITIES[c], ppd)) for c in range(3)]
    return hunt_lab(np.clip(rgb_of_opponent(np.stack(out, axis=-1)), 0, 1))


def flip(picture, reference, ppd=PPD):
    a, b = np.clip(picture, 0, 1), np.clip(reference, 0, 1)
    exponent, knee, level = 0.7, 0.4, 0.95
    largest = hyab(hunt_lab(np.array([0, 1.0, 0])), hunt_lab(np.array([0, 0, 1.0]))) ** exponent
    color = hyab(seen(a, ppd), seen(b, ppd)) ** exponent
    color = np.where(color < knee * largest, level / (knee * largest) * color,
                     level + (color - knee * largest) / (largest - knee * largest) * (1 - level))
    feature = np.maximum(*[np.abs(features(a, p, ppd) - features(b, p, ppd)) for p in (False, True)])
    return color ** (1 - np.sqrt(feature / np.sqrt(2)))


def aces(x):
    y = 0.6 * np.maximum(x, 0)
    return (y * (2.51 * y + 0.03)) / (y * (2.43 * y + 0.59) + 0.14)


def exposures(reference):
    light = reference @ np.array([0.2126, 0.7152, 0.0722])
    # aces(x) = 0.85, by the roots of its polynomial
    a, b, c = 0.36 * (2.51 - 0.85 * 2.43), 0.6 * (0.03 - 0.85 * 0.59), -0.85 * 0.14
    bright = max(np.roots([a, b, c]))
    first, last = np.log2(bright / light.max()), np.log2(bright / np.median(light))
    return np.linspace(first, last, max(2, int(np.ceil(last - first))))


def flip_hdr(picture, reference, ppd=PPD):
    maps = [flip(aces(picture * 2**e), aces(reference * 2**e), ppd) for e in exposures(reference)]
    return np.max(maps, axis=0)


def ssim(picture, reference):
    weights = np.array([0.2126, 0.7152, 0.0722])
    x, y = srgb(picture) @ weights, srgb(reference) @ weights

    def window(plane):  # a radius of 5 = int(3.5 x 1.5 + 0.5)
        return ndimage.gaussian_filter(plane, 1.5, mode="nearest", truncate=3.5)

    mx, my = window(x), window(y)
    vx, vy, cross = window(x * x) - mx**2, window(y * y) - my**2, window(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    s = (2 * mx * my + c1) * (2 * cross + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return (s[5:-5, 5:-5] if min(s.shape) > 10 else s).mean()


def errors(picture, reference):
    relative = ((picture - reference) ** 2 / (reference**2 + 0.01)).mean(axis=-1).ravel()
    kept = np.sort(relative)[: relative.size - relative.size // 1000]
    encoded = ((srgb(picture) - srgb(reference)) ** 2).mean()
    return {
        "mse": ((picture - reference) ** 2).mean(),
        "rel_mse": relative.mean(),
        "rel_mse_trimmed": kept.mean(),
        "psnr_db": min(100, -10 * np.log10(encoded)) if encoded > 0 else 100,
    }
