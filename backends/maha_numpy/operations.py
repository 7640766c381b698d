"""Operations with NumPy implementations: a small D as one block, a large one in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.sweeps import distances
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.within import PointsWithin
from maha_numpy import block, matrix, nearest, screen, within
from maha_numpy.backend import NumpyBackend

if TYPE_CHECKING:
    from maha_core.problem import Neighbors, Problem, Within

Array = Any


@NumpyBackend.register(Sqdist)
def sqdist(backend: NumpyBackend, problem: Problem, asked: Sqdist) -> Array:
    """Return D ``(n, m)``; a small D is computed as one block."""
    out = asked.out
    if block.is_one(backend, problem):
        return block.sqdist(backend, problem, out)
    if out is None:
        distances.refuse_impossible(backend, problem, "D")
        out = np.empty((problem.n, problem.m), dtype=problem.X.dtype)
    matrix.write(backend, problem, out)
    return out


@NumpyBackend.register(KernelMatrix)
def kernel_matrix(backend: NumpyBackend, problem: Problem, asked: KernelMatrix) -> Array:
    """Return an expression of D ``(n, m)``; a small D is computed as one block."""
    if block.is_one(backend, problem):
        return block.kernel_matrix(backend, problem, asked.expression, asked.out)
    return asked.run(backend, problem)


@NumpyBackend.register(Nearest)
def nearest_points(backend: NumpyBackend, problem: Problem, asked: Nearest) -> Neighbors:
    """Return the k nearest points of every row, by compiled heaps if they are faster."""
    if nearest.is_worth_it(problem, asked.k):
        return nearest.nearest(backend, problem, asked)
    return asked.run(backend, problem)


@NumpyBackend.register(PointsWithin)
def points_within(backend: NumpyBackend, problem: Problem, asked: PointsWithin) -> Within:
    """Return all points within a distance, by a compiled pass if it is faster."""
    if screen.is_worth_it(problem):
        return within.within(backend, problem, asked)
    return asked.run(backend, problem)


@NumpyBackend.register(Root)
def root(backend: NumpyBackend, problem: Problem, asked: Root) -> Array:
    """Return the square root of squared distances, in their own memory."""
    D = asked.D
    memory = D if D.flags.writeable else np.empty_like(D)
    if problem.form.nonnegative:
        return np.sqrt(D, out=memory)
    return distances.root(backend, D, problem, memory)
