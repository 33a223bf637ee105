# SPDX-License-Identifier: Apache-2.0
"""PCMCI with partial correlation, plainly from its definitions: every test is two least-squares regressions on the data."""
import numpy as np
from scipy import special, stats


def node_sample(data, node, max_lag):
    """x_i(t - lag) for t = 2 max_lag .. T-1."""
    variable, lag = node
    return data[2 * max_lag - lag: len(data) - lag, variable]


def samples_of(data, x, y, z, max_lag):
    """Columns of the varying nodes of z, then x, y, over the samples where none is missing."""
    columns = [node_sample(data, node, max_lag) for node in list(z) + [x, y]]
    complete = ~np.any(np.isnan(columns), axis=0)
    columns = [c[complete] for c in columns]
    varies = [len(c) > 0 and np.std(c) > 1e-12 * np.max(np.abs(c)) for c in columns]
    kept = [c for c, ok in zip(columns[:-2], varies[:-2]) if ok]
    return kept, columns[-2], columns[-1], varies[-2] and varies[-1], int(complete.sum())


def residual(column, conditions):
    """What least squares on the conditions leaves of the column; both have mean 0 and deviation 1."""
    if not conditions:
        return column
    matrix = np.stack(conditions, axis=1)
    # Twice: the second regression removes what rounding left of the first.
    rest = column - matrix @ np.linalg.lstsq(matrix, column, rcond=None)[0]
    return rest - matrix @ np.linalg.lstsq(matrix, rest, rcond=None)[0]


def p_value(value, df):
    """I_{1-v^2}(df/2, 1/2)"""
    return 1.0 if df < 1 else float(special.betainc(df / 2, 0.5, (1 - abs(value)) * (1 + abs(value))))


def parcorr(data, x, y, z, max_lag):
    """value, p, df, determined"""
    conditions, a, b, varies, count = samples_of(data, x, y, z, max_lag)
    df = count - 2 - len(conditions)
    if df < 1 or not varies:
        return 0.0, 1.0, df, False
    conditions = [(c - c.mean()) / c.std() for c in conditions]
    a, b = [(c - c.mean()) / c.std() for c in (a, b)]
    ra, rb = residual(a, conditions), residual(b, conditions)
    limit = 1e-10 * np.sqrt(count)  # far above rounding, far below any residual of these cases
    if np.linalg.norm(ra) < limit or np.linalg.norm(rb) < limit:
        return 0.0, 1.0, df, True
    value = float(np.clip(ra @ rb / np.linalg.norm(ra) / np.linalg.norm(rb), -1, 1))
    return value, p_value(value, df), df, False


def pc1(data, j, min_lag, max_lag, alpha, max_conditions, counts):
    """Parents of j, strongest first: [(node, val_min, p_max, value at p_max)]."""
    n = data.shape[1]
    order = [(i, lag) for i in range(n) for lag in range(max(1, min_lag), max_lag + 1)]
    val_min = {c: np.inf for c in order}
    p_max = {c: -1.0 for c in order}
    value_at = {}
    level = 0
    while len(order) - 1 >= level and level <= max_conditions and len(data) - 2 * max_lag - 2 - level >= 1:
        removed = []
        for candidate in order:
            z = [c for c in order if c != candidate][:level]
            value, p, _, _ = parcorr(data, candidate, (j, 0), z, max_lag)
            counts[0] += 1
            val_min[candidate] = min(val_min[candidate], abs(value))
            if p > p_max[candidate]:
                p_max[candidate], value_at[candidate] = p, value
            if p > alpha:
                removed.append(candidate)
        order = sorted((c for c in order if c not in removed), key=lambda c: -val_min[c])
        level += 1
    return [(c, val_min[c], p_max[c], value_at[c]) for c in order]


def akaike(data, j, parents, max_lag):
    conditions, y, _, varies, count = samples_of(data, (j, 0), (j, 0), [c for c, *_ in parents], max_lag)
    unexplained = 1.0
    if count == 0:
        return 2 * (len(parents) + 1)
    if varies:
        y = (y - y.mean()) / y.std()
        rest = residual(y, [(c - c.mean()) / c.std() for c in conditions])
        unexplained = rest @ rest / (y @ y)
    return count * np.log(count * unexplained) + 2 * (len(parents) + 1)


def pc1_best(data, j, min_lag, max_lag, alphas, max_conditions, counts):
    tried = [(pc1(data, j, min_lag, max_lag, a, max_conditions, counts), a) for a in alphas]
    if len(tried) == 1:
        return tried[0]
    scores = [akaike(data, j, parents, max_lag) for parents, _ in tried]
    return tried[int(np.argmin(scores))]


def mci(data, parents, min_lag, max_lag, max_parents, counts):
    n = data.shape[1]
    value = np.zeros((n, n, max_lag + 1))
    p = np.ones((n, n, max_lag + 1))
    lists = [[c for c, *_ in of_one][:max_parents] for of_one in parents]
    for j in range(n):
        for i in range(n):
            for lag in range(min_lag, max_lag + 1):
                if (i, lag) == (j, 0):
                    continue
                z = [c for c in lists[j] if c != (i, lag)]
                for k, m in lists[i]:
                    moved = (k, m + lag)
                    if moved not in z and moved not in ((i, lag), (j, 0)):
                        z.append(moved)
                value[i, j, lag], p[i, j, lag], _, _ = parcorr(data, (i, lag), (j, 0), z, max_lag)
                counts[0] += 1
    for i in range(n):
        for j in range(i + 1, n):
            first = p[i, j, 0] > p[j, i, 0] or (
                p[i, j, 0] == p[j, i, 0] and abs(value[i, j, 0]) <= abs(value[j, i, 0]))
            a, b = ((i, j), (j, i)) if first else ((j, i), (i, j))
            value[b][0], p[b][0] = value[a][0], p[a][0]
    return value, p


def q_values(p, min_lag):
    q = p.copy()
    lagged = p[:, :, max(1, min_lag):]
    if lagged.size:
        q[:, :, max(1, min_lag):] = stats.false_discovery_control(lagged.ravel(), method="bh").reshape(
            lagged.shape) if hasattr(stats, "false_discovery_control") else plain_bh(lagged.ravel()).reshape(lagged.shape)
    return q


def plain_bh(p):
    m = len(p)
    q = np.empty(m)
    order = np.argsort(p, kind="stable")
    for rank, index in enumerate(order):
        q[index] = min(min(1.0, p[order[r]] * m / (r + 1)) for r in range(rank, m))
    return q


def pcmci(data, min_lag, max_lag, alphas, max_conditions=np.inf, max_parents=None):
    counts = [0]
    n = data.shape[1]
    best = [pc1_best(data, j, min_lag, max_lag, alphas, max_conditions, counts) for j in range(n)]
    parents = [parents for parents, _ in best]
    value, p = mci(data, parents, min_lag, max_lag, max_parents, counts)
    return {"parents": parents, "alpha": [a for _, a in best], "val": value, "p": p,
            "q": q_values(p, min_lag), "tests": counts[0]}
