"""One chunk of D, or of another matrix of D's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.dispatch import backend_of
from maha_core.problem import Tangents
from maha_core.sweeps import distances
from maha_core.sweeps.distances import NEW_SQDIST
from maha_core.sweeps.jacobians import Jacobian, JacobianSlice
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.tangents import Pushforward
from maha_dask.tasks.fit import check_chunk
from maha_dask.tasks.isolation import task
from maha_dask.tasks.setting import Setting

if TYPE_CHECKING:
    from maha_core.expressions import Expression
    from maha_core.options import Options

Array = Any


@task
def sqdist(setting: Setting, X: Array, Y: Array | None) -> Array:
    """Return a chunk of D."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    return backend.run(problem, NEW_SQDIST)


@task
def root(setting: Setting, D: Array) -> Array:
    """Return the square root of a chunk of D, in new memory: other tasks may use the chunk."""
    backend, problem = setting.problem(D.reshape((-1, 1)), None)
    return distances.root(backend, D, problem, None)


@task
def kernel_matrix(setting: Setting, X: Array, Y: Array | None, expression: Expression) -> Array:
    """Return a chunk of an expression of D."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    return backend.run(problem, KernelMatrix(expression))


@task
def entrywise(expression: Expression, options: Options, D: Array) -> Array:
    """Return an expression of a chunk of squared distances."""
    return backend_of(D, "D").entrywise(expression, D, options)


@task
def jacobian(setting: Setting, X: Array, Y: Array | None, shape: tuple[int, ...]) -> Array:
    """Return a chunk of the Jacobian."""
    backend, problem = setting.within_memory(X, Y, blocks=1, shape=shape)
    return backend.run(problem, Jacobian(shape))


@task
def jacobian_slice(setting: Setting, X: Array, Y: Array | None, index: tuple[int, ...]) -> Array:
    """Return a chunk of one slice of the Jacobian."""
    backend, problem = setting.within_memory(X, Y, blocks=1)
    return backend.run(problem, JacobianSlice(index))


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
    return backend.run(problem, Pushforward(Tangents(dparameter, dX, dY)))


@task
def mirror(tile: Array) -> Array:
    """Return the mirror image of a chunk, across the diagonal."""
    return tile.swapaxes(0, 1)
