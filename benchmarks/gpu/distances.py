"""D into `out`, against the larger of its bare product and writing D once."""

from __future__ import annotations

from itertools import product
from typing import Any

from benchmarks.gpu.page import UNMEASURED

FLOOR = 1.25
CASES = tuple(product((16, 64, 256), ("float32", "float64")))
CALLS = ("ours", "product", "write")


def rows(n: int) -> list[dict[str, Any]]:
    return [_row(n, d, dtype, _seconds(n, d, dtype)) for d, dtype in CASES]


def unmeasured(n: int) -> list[dict[str, Any]]:
    return [_row(n, d, dtype, None) for d, dtype in CASES]


def _row(n: int, d: int, dtype: str, found: dict[str, float] | None) -> dict[str, Any]:
    limit = None if found is None else max(found["product"], found["write"])
    return {
        "n": n,
        "d": d,
        "dtype": dtype,
        "seconds": UNMEASURED if found is None else found["ours"],
        "bare product": UNMEASURED if found is None else found["product"],
        "writing D once": UNMEASURED if found is None else found["write"],
        "over the larger": UNMEASURED if found is None or limit is None else found["ours"] / limit,
        "at most": FLOOR,
    }


def _seconds(n: int, d: int, dtype: str) -> dict[str, float]:
    import cupy as cp

    import maha_core as mc
    from benchmarks.gpu import clock

    rng = cp.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    A = (rng.standard_normal((d, d)) / d**0.5).astype(dtype)
    out, Z = cp.empty((n, n), dtype=dtype), X @ A.T
    Y, metric = Z.copy(), mc.Factor(A)
    calls = (
        lambda: mc.sqdist(X, metric=metric, out=out),
        lambda: cp.matmul(Z, Y.T, out=out),
        lambda: out.fill(1),
    )
    return clock.seconds(dict(zip(CALLS, calls, strict=True)))
