# SPDX-License-Identifier: Apache-2.0
"""Compares jobs/rendering's measures of pictures with quality_reference.py, pixel by pixel.

  quality_parity.py QUALITY_DUMP [CASE]     exit 77: numpy or scipy is not there
"""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import quality_reference as reference
except ImportError as missing:
    print(f"SKIP: {missing}")
    sys.exit(77)


def scene(width, height, brightest):
    """Slopes, a bright disk, stripes and a line of points."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    picture = np.stack([0.2 + 0.6 * x, 0.7 - 0.5 * y, 0.3 + 0.3 * x * y], axis=-1)
    picture[(x - 0.3) ** 2 + (y - 0.3) ** 2 < 0.02] = [brightest, 0.8 * brightest, 0.2]
    picture[:, width // 2 :: 4] *= 0.4
    picture[height // 2, ::5] = [0, 0, 1]
    return picture


def cases():
    rng = np.random.default_rng(6)
    base = scene(48, 40, 0.9)
    yield "same", base, base
    yield "noise", base + rng.normal(0, 0.05, base.shape), base
    yield "shifted", np.roll(base, 1, axis=1), base
    yield "colour", base[..., ::-1], base
    blurred = (base + np.roll(base, 1, 0) + np.roll(base, 1, 1) + np.roll(base, -1, 1)) / 4
    yield "blurred", blurred, base
    hdr = scene(37, 30, 50)
    yield "hdr", hdr * rng.gamma(20, 0.05, hdr.shape), hdr
    firefly = hdr.copy()
    firefly[7, 9] = 5000
    yield "firefly", firefly, hdr
    yield "dark", 0.001 * hdr, 0.0012 * hdr
    yield "small", base[:9, :7] * 0.9, base[:9, :7]
    yield "row", base[:1, :20] + 0.02, base[:1, :20]
    yield "random", rng.uniform(0, 1, (25, 33, 3)), rng.uniform(0, 1, (25, 33, 3))


def run(program, folder, picture, other):
    path = os.path.join(folder, "pictures")
    np.stack([picture, other]).astype(np.float32).tofile(path)
    height, width = picture.shape[:2]
    done = subprocess.run([program, path, str(width), str(height)], check=True,
                          capture_output=True, text=True)
    lines = (line.split() for line in done.stdout.splitlines())
    return {words[0]: np.array([float(word) for word in words[1:]]) for words in lines}


# Planes are floats: near 0, FLIP is a power of 0.7 of differences of 1e-5; SSIM's variances, to
# which 9e-4 is added, lose 1e-7.
TOLERANCES = {"mse": 1e-9, "rel_mse": 1e-9, "rel_mse_trimmed": 1e-9, "psnr_db": 1e-6,
              "ssim": 1e-4, "flip": 2e-4, "flip_20": 2e-4, "flip_hdr": 2e-4}


def compare(program, folder, picture, other):
    """How far the two are apart, in each measure's tolerances."""
    got = run(program, folder, picture, other)
    picture, other = (p.astype(np.float32).astype(float) for p in (picture, other))
    expected = dict(reference.errors(picture, other), ssim=reference.ssim(picture, other),
                    flip=reference.flip(picture, other), flip_20=reference.flip(picture, other, 20),
                    flip_hdr=reference.flip_hdr(picture, other))
    apart = {}
    for name, tolerance in TOLERANCES.items():
        want = np.asarray(expected[name]).ravel()
        scale = max(1.0, np.abs(want).max())
        apart[name] = np.abs(got[name] - want).max() / scale / tolerance
    return apart


def main():
    program = sys.argv[1]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, picture, other in cases():
            if len(sys.argv) > 2 and name != sys.argv[2]:
                continue
            apart = compare(program, folder, picture, other)
            worst = max(apart, key=apart.get)
            is_wrong = not apart[worst] <= 1
            failed += is_wrong
            print(f"{'FAILED' if is_wrong else 'ok':6} {name}: {worst} at {apart[worst]:.3f} of its tolerance")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
