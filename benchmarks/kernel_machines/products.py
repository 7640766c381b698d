"""The limit: the bare matrix products of an iteration, by tiles, on every core."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.machine import cores

Matrix = NDArray[np.float32]

SIDE = 712


def seconds(X: Matrix, b: Matrix, rows: int | None = None) -> tuple[float, float]:
    """Return the seconds of K b's products, and of those of the gradients at all points.

    These are ``Z Z^T`` and a tile times b; and ``Z Z^T`` and a tile times Z. Of many points the
    first `rows` are measured, and the time is scaled up.
    """
    n = len(X)
    rows = min(n, rows or n)
    part = n / rows
    return part * _timed(X, b, rows), part * _timed(X, X, rows)


def _timed(Z: Matrix, B: Matrix, rows: int) -> float:
    ZT = np.ascontiguousarray(Z.T)
    start = time.perf_counter()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(_strip(Z, ZT, B), range(0, rows, SIDE)))
    return time.perf_counter() - start


def _strip(Z: Matrix, ZT: Matrix, B: Matrix) -> Callable[[int], Matrix]:
    def multiply(first: int) -> Matrix:
        left = Z[first : first + SIDE]
        total = np.zeros((len(left), B.shape[1]), Z.dtype)
        for start in range(0, len(Z), SIDE):
            total += left @ ZT[:, start : start + SIDE] @ B[start : start + SIDE]
        return total

    return multiply
