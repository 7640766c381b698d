"""The cases of the tables."""

from __future__ import annotations

from benchmarks.case import Case

N = 8000
QUICK = 1000
DTYPES = ("float64", "float32")


def cases(*, quick: bool = False) -> list[Case]:
    """Return all cases; quick ones have fewer points and the same everything else."""
    n = QUICK if quick else N
    sizes = [
        *(("sqdist", n, d, d) for d in (3, 16, 64, 256)),
        ("sqdist-without-out", n, 64, 64),
        ("small-sqdist", 100, 16, 16),
        *(("pairwise", n, 64, k) for k in (8, 64)),
        ("mlkr", n, 64, 8),
        ("mlkr", 500, 20, 20),
        *(("vjp", n, 64, k) for k in (8, 64)),
    ]
    return [Case(*size, dtype) for size in sizes for dtype in DTYPES]
