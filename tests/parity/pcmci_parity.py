# SPDX-License-Identifier: Apache-2.0
"""Compares kernels/causal with the plain reference on random systems: parents and their order, values, p and q.

  pcmci_parity.py PCMCI_DUMP [CASE]     exit 77: numpy or scipy is not there
"""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pcmci_reference as reference
except ImportError as missing:
    print(f"SKIP: {missing}")
    sys.exit(77)


def svar(seed, n, steps, max_lag, links, coefficient=0.4):
    """A stable random linear system with autocorrelation and `links` cross links."""
    rng = np.random.default_rng(seed)
    phi = np.zeros((max_lag + 1, n, n))
    for j in range(n):
        phi[1, j, j] = rng.uniform(0.2, 0.6)
    for _ in range(links):
        phi[rng.integers(1, max_lag + 1), rng.integers(n), rng.integers(n)] = rng.choice([-1, 1]) * coefficient
    for shrink in range(50):
        companion = np.zeros((n * max_lag, n * max_lag))
        companion[:n] = np.concatenate(phi[1:], axis=1)
        companion[n:, :-n] = np.eye(n * (max_lag - 1))
        if np.max(np.abs(np.linalg.eigvals(companion))) < 0.9:
            break
        phi *= 0.9
    noise = rng.standard_normal((steps + 200, n))
    data = noise.copy()
    for t in range(max_lag, len(data)):
        data[t] += sum(phi[lag] @ data[t - lag] for lag in range(1, max_lag + 1))
    return data[200:]


def cases():
    yield "linear_10", svar(1, 10, 1000, 5, 12), dict(max_lag=5)
    yield "linear_5_min_lag_1", svar(2, 5, 300, 3, 5), dict(max_lag=3, min_lag=1)
    yield "min_lag_2", svar(3, 4, 300, 3, 5), dict(max_lag=3, min_lag=2)
    yield "max_lag_1", svar(4, 6, 200, 1, 5), dict(max_lag=1)
    yield "dense", svar(5, 6, 400, 2, 25, 0.3), dict(max_lag=2, alphas=[0.2])
    yield "alphas", svar(6, 5, 200, 3, 6), dict(max_lag=3, alphas=[0.05, 0.1, 0.2, 0.3, 0.4, 0.5])
    yield "capped", svar(7, 6, 300, 3, 12), dict(max_lag=3, alphas=[0.3], max_conditions=2, max_parents=1)
    yield "short", svar(8, 3, 24, 5, 2), dict(max_lag=5, alphas=[0.3])
    yield "shorter_than_windows", svar(9, 3, 19, 5, 2), dict(max_lag=5, alphas=[0.4])
    yield "shortest", svar(10, 3, 14, 5, 2), dict(max_lag=5, alphas=[0.5])

    offset = svar(11, 5, 400, 2, 6)
    offset[:, 1] += 1e5
    offset[:, 2] = 1e5 + 1e-6 * offset[:, 2]
    offset[:, 3] *= 1e120
    offset[:, 4] *= 1e-120
    yield "offsets_and_scales", offset, dict(max_lag=2, tolerance=1e-8)

    trend = svar(12, 4, 300, 3, 4) + np.linspace(0, 50, 300)[:, None] * [0, 1, 1, 0]
    yield "trend", trend, dict(max_lag=3)

    spike = svar(13, 4, 300, 3, 4)
    spike[0, 1] = 1e8
    spike[-1, 2] = -1e8
    yield "spikes_at_the_ends", spike, dict(max_lag=3)

    odd = svar(14, 7, 300, 2, 8)
    odd[:, 3] = 0.1                      # constant
    odd[:, 5] = odd[:, 0]                # duplicate
    odd[:, 6] = odd[:, 1] + odd[:, 2]    # sum
    yield "constant_duplicate_sum", odd, dict(max_lag=2, is_degenerate=True)

    step = svar(15, 4, 200, 3, 4)
    step[:, 2] = 3.0
    step[-2:, 2] = 4.0                   # varies in some windows only
    yield "varies_in_some_windows", step, dict(max_lag=3)

    close = svar(16, 5, 400, 2, 5)
    close[:, 4] = close[:, 0] + 1e-5 * close[:, 4]   # nearly a duplicate: the QR path
    yield "nearly_collinear", close, dict(max_lag=2, tolerance=1e-7)

    ranks = np.round(svar(17, 5, 300, 2, 6))
    yield "ties", ranks, dict(max_lag=2, alphas=[0.2])

    for seed, share in ((18, 0.02), (19, 0.3)):
        missing = svar(seed, 5, 300, 3, 6)
        rng = np.random.default_rng(seed)
        hidden = rng.random(missing.shape) < share
        hidden[:, :2] = False            # two variables are complete
        missing[hidden] = np.nan
        yield f"missing_{share}", missing, dict(max_lag=3, alphas=[0.1])

    gaps = svar(20, 4, 200, 2, 4)
    gaps[20:90, 1] = np.nan
    gaps[:, 3] = np.nan                  # never measured
    gaps[150:, 2] = np.nan
    yield "gaps_and_a_dead_sensor", gaps, dict(max_lag=2, alphas=[0.05, 0.2])


def run(program, data, min_lag, max_lag, alphas, max_conditions, max_parents):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.bin")
        np.ascontiguousarray(data, dtype=np.float64).tofile(path)
        output = subprocess.run(
            [program, path, *map(str, data.shape), str(max_lag), str(min_lag), ",".join(map(str, alphas)),
             str(-1 if np.isinf(max_conditions) else max_conditions), str(-1 if max_parents is None else max_parents)],
            check=True, capture_output=True, text=True).stdout
    n = data.shape[1]
    result = {"parents": [], "alpha": []}
    for line in output.splitlines():
        name, *words = line.split()
        if name == "parents":
            numbers = list(map(float, words[2:]))
            result["alpha"].append(float(words[1]))
            result["parents"].append([((int(numbers[k]), int(numbers[k + 1])), *numbers[k + 2:k + 5])
                                      for k in range(0, len(numbers), 5)])
        elif name == "counts":
            result["tests"], result["by_qr"], result["determined"], result["too_few"] = map(int, words)
        else:
            result[name] = np.array(list(map(float, words))).reshape(n, n, max_lag + 1)
    return result


def p_error(ours, theirs):
    """Relative; below 1e-290 both count as 0, where scipy has no digits left."""
    scale = np.maximum(np.abs(theirs), 1e-290)
    return float(np.max(np.abs(ours - theirs) / scale, initial=0))


def same_up_to_ties(ours, theirs):
    """The same parents in the same order; entries whose val_min is equal to 1e-9 may stand in either order."""
    if sorted(c for c, *_ in ours) != sorted(c for c, *_ in theirs):
        return False
    return all(a[0] == b[0] or abs(a[1] - b[1]) < 1e-9 for a, b in zip(ours, theirs))


def compare(program, name, data, max_lag, min_lag=0, alphas=(0.05,), max_conditions=np.inf, max_parents=None,
            tolerance=1e-11, is_degenerate=False):
    theirs = reference.pcmci(data, min_lag, max_lag, alphas, max_conditions, max_parents)
    ours = run(program, data, min_lag, max_lag, alphas, max_conditions, max_parents)
    val_error = float(np.max(np.abs(ours["val"] - theirs["val"])))
    errors = {"val": val_error, "p": p_error(ours["p"], theirs["p"]), "q": p_error(ours["q"], theirs["q"])}
    parents = all(same_up_to_ties(a, b) for a, b in zip(ours["parents"], theirs["parents"]))
    list_error = max((max(abs(a[1] - b[1]), abs(a[3] - b[3])) for x, y in zip(ours["parents"], theirs["parents"])
                      for a, b in zip(x, y) if a[0] == b[0]), default=0.0)
    p_tolerance = 1e-6 if tolerance <= 1e-11 else 1e-3
    claims = {
        "parents": parents,
        "alpha": ours["alpha"] == theirs["alpha"],
        "tests": ours["tests"] == theirs["tests"],
        "val": errors["val"] <= tolerance,
        "val_min": list_error <= tolerance,
        "p": errors["p"] <= p_tolerance,
        "q": errors["q"] <= p_tolerance,
        "degenerate": (ours["determined"] > 0) == is_degenerate,
        "finite": bool(np.all(np.isfinite(ours["val"])) and np.all((ours["p"] >= 0) & (ours["p"] <= 1))),
    }
    failed = [claim for claim, holds in claims.items() if not holds]
    print(f"{'FAIL' if failed else 'ok':4} {name:24} val {errors['val']:.1e} p {errors['p']:.1e} q {errors['q']:.1e} "
          f"tests {ours['tests']} by QR {ours['by_qr']} determined {ours['determined']} too few {ours['too_few']} "
          f"{' '.join(failed)}")
    return not failed


def main():
    program = sys.argv[1]
    wanted = sys.argv[2] if len(sys.argv) > 2 else None
    passed = [compare(program, name, data, **options) for name, data, options in cases()
              if wanted is None or wanted == name]
    print(f"{sum(passed)} of {len(passed)} cases agree")
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
