"""The limit: the bare matrix products that the job needs, into arrays that exist already."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

from benchmarks.contestants.roster import LIMIT, Job, enter
from benchmarks.machine import cores
from benchmarks.problem import Problem

# The best of those tried: a tile of D stays in a core's cache until all its products are done.
TILE_BYTES = 512 * 1024
TILE_COLUMNS = 4096

SIDE = 712
"""Of the square tiles in which our product of a kernel's matrix goes in float32."""

# Strips on a core each, BLAS on one thread: a third faster here than BLAS on every core.
_blas = ThreadpoolController()
_pool = ThreadPoolExecutor(cores())


@enter("sqdist", LIMIT)
def sqdist(problem: Problem) -> Job:
    Z, Y, out = problem.Z, problem.Z.copy(), problem.out
    return Job(lambda: np.matmul(Z, Y.T, out=out), answer=None)


@enter("sqdist-without-out", LIMIT)
def sqdist_without_out(problem: Problem) -> Job:
    Z, Y = problem.Z, problem.Z.copy()
    return Job(lambda: np.matmul(Z, Y.T), answer=None)


@enter("mlkr", LIMIT)
def mlkr(problem: Problem) -> Job:
    """D, G Z and G^T Z: three products."""
    return _on_all_cores([_Strips(problem.Z, first, cores()) for first in range(cores())])


@enter("pairwise", LIMIT)
def pairwise(problem: Problem) -> Job:
    """Half of the three: symmetry leaves half of the tiles."""
    return Job(mlkr(problem).run, share=2.0, answer=None)


@enter("vjp", LIMIT)
def vjp(problem: Problem) -> Job:
    """G Z and G^T Z: two products."""
    Z, G = problem.Z, problem.cotangent
    return _on_all_cores([_GivenStrips(Z, first, cores(), G) for first in range(cores())])


@enter("kernel-product", LIMIT)
def kernel_product(problem: Problem) -> Job:
    """D by tiles, and each of them times the vectors: two products."""
    return _on_all_cores([_Squares(problem, first, cores()) for first in range(cores())])


def _on_all_cores(strips: Sequence[_Strips | _Squares]) -> Job:
    def run() -> None:
        with _blas.limit(limits=1, user_api="blas"):
            list(_pool.map(lambda strip: strip.multiply(), strips))

    return Job(run, answer=None)


class _Strips:
    """Every `step`-th strip of rows, and the arrays that one core writes."""

    def __init__(self, Z: np.ndarray, first: int, step: int) -> None:
        n, k = Z.shape
        self.Z, self.ZT = Z, np.ascontiguousarray(Z.T)
        self.columns = min(n, TILE_COLUMNS)
        self.rows = max(1, min(n, TILE_BYTES // (self.columns * Z.itemsize)))
        self.starts = range(first * self.rows, n, step * self.rows)
        self.tile = np.empty((self.rows, self.columns), Z.dtype)
        self.rowwise = np.empty((self.rows, k), Z.dtype)
        self.columnwise = np.empty((self.columns, k), Z.dtype)

    def multiply(self) -> None:
        n = len(self.Z)
        for start in self.starts:
            rows = slice(start, min(start + self.rows, n))
            for left in range(0, n, self.columns):
                self._products(rows, slice(left, min(left + self.columns, n)))

    def _products(self, rows: slice, columns: slice) -> None:
        tile = self._tile(rows, columns)
        r, c = tile.shape
        np.matmul(tile, self.Z[columns], out=self.rowwise[:r])
        np.matmul(tile.T, self.Z[rows], out=self.columnwise[:c])

    def _tile(self, rows: slice, columns: slice) -> np.ndarray:
        tile = self.tile[: rows.stop - rows.start, : columns.stop - columns.start]
        return np.matmul(self.Z[rows], self.ZT[:, columns], out=tile)


class _GivenStrips(_Strips):
    """Strips of a matrix that is there already."""

    def __init__(self, Z: np.ndarray, first: int, step: int, G: np.ndarray) -> None:
        super().__init__(Z, first, step)
        self.G = G

    def _tile(self, rows: slice, columns: slice) -> np.ndarray:
        return self.G[rows, columns]


class _Squares:
    """Every `step`-th row of square tiles, and the arrays that one core writes."""

    def __init__(self, problem: Problem, first: int, step: int) -> None:
        self.Z, self.B = problem.Z, problem.B
        self.ZYT = np.ascontiguousarray((problem.Y @ problem.A.T).T)
        self.starts = range(first * SIDE, len(self.Z), step * SIDE)
        self.tile = np.empty((SIDE, SIDE), self.Z.dtype)
        self.part = np.empty((SIDE, self.B.shape[1]), self.Z.dtype)
        self.total = np.empty_like(self.part)

    def multiply(self) -> None:
        n = len(self.Z)
        for start in self.starts:
            rows = slice(start, min(start + SIDE, n))
            r = rows.stop - start
            self.total[:r] = 0
            for left in range(0, n, SIDE):
                columns = slice(left, min(left + SIDE, n))
                tile = self.tile[:r, : columns.stop - left]
                np.matmul(self.Z[rows], self.ZYT[:, columns], out=tile)
                np.matmul(tile, self.B[columns], out=self.part[:r])
                self.total[:r] += self.part[:r]
