"""D into `out`, against the larger of its bare product and writing D once."""

from __future__ import annotations

from typing import Any

import cupy as cp

import maha_core as mc
from benchmarks.gpu import clock
from maha_cupy.tiles import NARROW

FLOOR = 1.25
WIDTHS = (16, 64, 256)
DTYPES = ("float32", "float64")


def rows(n: int) -> list[dict[str, Any]]:
    return [_row(n, d, dtype) for d in WIDTHS for dtype in DTYPES]


def _row(n: int, d: int, dtype: str) -> dict[str, Any]:
    rng = cp.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    A = (rng.standard_normal((d, d)) / d**0.5).astype(dtype)
    out, Z = cp.empty((n, n), dtype=dtype), X @ A.T
    Y, metric = Z.copy(), mc.Factor(A)
    found = clock.seconds(
        {
            "ours": lambda: mc.sqdist(X, metric=metric, out=out),
            "product": lambda: cp.matmul(Z, Y.T, out=out),
            "write": lambda: out.fill(1),
        }
    )
    limit = max(found["product"], found["write"])
    return {
        "n": n,
        "d": d,
        "dtype": dtype,
        "seconds": found["ours"],
        "bare product": found["product"],
        "writing D": found["write"],
        "over the larger": found["ours"] / limit,
        "at most": FLOOR,
        "bytes of D moved, by count": (1 if d <= NARROW else 3) * out.nbytes,
    }
