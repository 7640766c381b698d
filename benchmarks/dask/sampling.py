"""What the gradient of an elementwise loss loses when only some tiles of D are visited."""

from __future__ import annotations

from typing import Any

import numpy as np

import maha_core as mc
from benchmarks.dask.streamed import smooth

D, K, DRAWS = 32, 16, 200
SHARES = (0.01, 0.03, 0.1, 0.3)


def measure(n: int = 20_000, chunk: int = 500) -> list[dict[str, Any]]:
    """Return the error of the scaled sum over a share of tiles, for points in two orders."""
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((20, D))
    sorted_points = np.repeat(centres, n // 20, axis=0) + rng.standard_normal((n, D))
    shuffled = rng.permutation(sorted_points)
    metric = mc.Factor((rng.standard_normal((K, D)) / 8).astype(np.float32))
    orders = {"rows in random order": shuffled, "rows sorted by cluster": sorted_points}
    return [
        row
        for order, points in orders.items()
        for row in _errors(order, _per_tile(points.astype(np.float32), metric, chunk), rng)
    ]


def _per_tile(X: Any, metric: Any, chunk: int) -> Any:
    """Return the gradient of every tile on or above the diagonal, those above it twice."""
    blocks = [X[start : start + chunk] for start in range(0, len(X), chunk)]
    loss = mc.losses.Pairwise(smooth, symmetric=True)
    found = []
    for i, rows in enumerate(blocks):
        for columns in blocks[i:]:
            other = None if columns is rows else columns
            _, gradient = mc.value_and_grad(loss, rows, other, metric=metric, wrt="metric")
            found.append(gradient.metric * (1 if other is None else 2))
    return np.array(found, dtype=np.float64)


def _errors(order: str, tiles: Any, rng: Any) -> list[dict[str, Any]]:
    exact, count = tiles.sum(0), len(tiles)
    rows = []
    for share in SHARES:
        size = round(share * count)
        errors = [
            np.linalg.norm(
                tiles[rng.choice(count, size, replace=False)].sum(0) * count / size - exact
            )
            for _ in range(DRAWS)
        ]
        rows.append(
            {
                "order": order,
                "tiles": count,
                "visited": size,
                "share": share,
                "relative_error": float(np.mean(errors) / np.linalg.norm(exact)),
            }
        )
    return rows
