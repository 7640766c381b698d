"""The cases of the tables."""

from __future__ import annotations

from benchmarks.case import Case

N = 8000
KERNEL_POINTS = 50_000
QUICK = 1000
NEIGHBOURS = 10
WITHIN = 20  # points within the radius of each, on average
NEAREST = ((5000, 20_000, 32), (20_000, 20_000, 8), (2000, 100_000, 128), (1000, 30_000, 8))
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
    products = Case("kernel-product", QUICK if quick else KERNEL_POINTS, 64, 64, "float32")
    alone = [Case(*size, dtype) for size in sizes for dtype in DTYPES]
    return [*alone, products, *_of_two_sets(quick=quick)]


def _of_two_sets(*, quick: bool) -> list[Case]:
    part = 5 if quick else 1
    return [
        Case(operation, n // part, d, d, dtype, m // part)
        for operation, sizes in (("nearest", NEAREST), ("within", NEAREST[:2]))
        for n, m, d in sizes
        for dtype in DTYPES
    ]
