"""Points on which the plain matrix product would lose every digit, and metrics to meet them."""

from typing import NamedTuple

import numpy as np

import oracle

N, COLUMNS = 200, 5
CLUSTERS = 50


class Drawn(NamedTuple):
    """Points, and the scale of the distances between neighbours."""

    X: np.ndarray
    scale: float


def ordinary(columns, n=N):
    def draw(rng, dtype):
        return Drawn(rng.standard_normal((n, columns)).astype(dtype), np.sqrt(columns))

    return draw


def shifted(offset):
    """Normal points at an offset, as far apart as the dtype still resolves there."""

    def draw(rng, dtype):
        scale = max(1.0, 64 * float(np.finfo(dtype).eps) * offset)
        return Drawn((offset + scale * rng.standard_normal((N, COLUMNS))).astype(dtype), scale)

    return draw


def clusters(rng, dtype):
    """Fifty clusters 1e3 radii apart."""
    centres = 2e3 * rng.standard_normal((CLUSTERS, COLUMNS))
    X = np.repeat(centres, N // CLUSTERS, axis=0) + rng.standard_normal((N, COLUMNS))
    return Drawn(X.astype(dtype), 1.0)


def clusters_in_a_row(rng, dtype):
    """Fifty clusters along one line, each 1e3 radii from the next."""
    X = rng.standard_normal((N, COLUMNS))
    X += 1e3 * np.repeat(np.arange(CLUSTERS), N // CLUSTERS)[:, None]
    return Drawn(X.astype(dtype), 1.0)


def near_duplicates(rng, dtype):
    """Every point and a copy of it some thousands of units in the last place away."""
    X = rng.standard_normal((N // 2, COLUMNS))
    step = 4096 * np.finfo(dtype).eps
    return Drawn(np.concatenate([X, X + step * rng.standard_normal(X.shape)]).astype(dtype), 1.0)


def heavy_tails(rng, dtype):
    """Cauchy points: most lie close together beside the extent of the few others."""
    return Drawn(rng.standard_cauchy((N, COLUMNS)).astype(dtype), 1.0)


def repeated(draw):
    """Every point three times."""

    def repeat(rng, dtype):
        X, scale = draw(rng, dtype)
        return Drawn(np.repeat(X[: N // 3], 3, axis=0), scale)

    return repeat


FAR = {
    **{f"shifted by 1e{e}": shifted(10.0**e) for e in range(9)},
    "clusters": clusters,
    "clusters in a row": clusters_in_a_row,
    "near-duplicates": near_duplicates,
    "heavy tails": heavy_tails,
}


def parameter(form, scale, columns, rng, dtype):
    """Return a well-conditioned, positive definite parameter: neighbours come about 1 apart."""
    root, _ = np.linalg.qr(rng.standard_normal((columns, columns)))
    A = (root * np.linspace(0.8, 1.2, columns)[:, None] / scale).astype(dtype)
    if form == "euclidean":
        return None
    if form == "factor":
        return A
    if form == "diagonal":
        return (np.linspace(0.5, 1.5, columns) / scale**2).astype(dtype)
    M = A.T @ A if form == "full" else np.linalg.inv((A.T @ A).astype(np.float64)).astype(dtype)
    return (M + M.T) / 2


def cancellation(X, Y, form, parameter):
    """Return what the metric itself loses of a difference, as a magnitude of D ``(n, m)``.

    For an A that takes d nearly to zero this is ``|A d| | |A| |d| |`` and not ``|A d|^2``; for an
    indefinite M it is ``|d|^T |Ms| |d|`` and not D.
    """
    if form in ("full", "diagonal"):
        return oracle.magnitude(X, Y, form, parameter)
    D = oracle.sqdist(X, Y, form, parameter)
    if form != "factor":
        return D
    size = np.abs(oracle.differences(X, Y)) @ np.abs(oracle.exact(parameter)).T
    return np.sqrt(D * (size * size).sum(axis=2))
