"""One chunk of D, and of what has D's shape."""

from __future__ import annotations

from typing import Any

from maha_core.problem import Tangents
from maha_core.sweeps import distances
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting

Array = Any


@task
def sqdist(setting: Setting, X: Array, Y: Array | None) -> Array:
    """Return a chunk of D."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    return backend.sqdist(problem, None)


@task
def root(setting: Setting, D: Array) -> Array:
    """Return the square root of a chunk of D, which stays as it is: other tasks may hold it."""
    backend, problem = setting.problem(D.reshape((-1, 1)), None)
    return distances.root(backend, D, problem, None)


@task
def jacobian(setting: Setting, X: Array, Y: Array | None, shape: tuple[int, ...]) -> Array:
    """Return a chunk of the Jacobian."""
    backend, problem = setting.within_memory(X, Y, blocks=1, shape=shape)
    return backend.jacobian(problem, shape)


@task
def jacobian_slice(setting: Setting, X: Array, Y: Array | None, index: tuple[int, ...]) -> Array:
    """Return a chunk of one slice of the Jacobian."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    return backend.jacobian_slice(problem, index)


@task
def jvp(
    setting: Setting,
    X: Array,
    Y: Array | None,
    dparameter: Array | None,
    dX: Array | None,
    dY: Array | None,
) -> Array:
    """Return a chunk of dD."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    check_chunk(dX, "X_tangent", (problem.n, problem.d))
    check_chunk(dY, "Y_tangent", (problem.m, problem.d))
    return backend.jvp(problem, Tangents(dparameter, dX, dY))


@task
def mirror(tile: Array) -> Array:
    """Return the chunk on the other side of the diagonal."""
    return tile.swapaxes(0, 1)
