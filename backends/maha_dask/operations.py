"""The operations on Dask arrays; each function builds a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import dask.array as da

from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.jacobians import Jacobian, JacobianSlice
from maha_core.sweeps.kernel_gradients import KernelGradient
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.objectives import Reduced, Value, ValueAndGrad
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.roots import RootPullback
from maha_core.sweeps.tangents import Pushforward
from maha_core.sweeps.within import PointsWithin
from maha_dask import (
    hessian_products,
    kernel_gradients,
    listed,
    matrices,
    nearest,
    objectives,
    plan,
    pullbacks,
)
from maha_dask.backend import DaskBackend
from maha_dask.operation import operation
from maha_dask.tangents import Directions
from maha_dask.tasks import matrices as tasks
from maha_dask.tasks import pullbacks as pullback_tasks

if TYPE_CHECKING:
    from maha_core.problem import Gradient, Neighbors, Pairs, Problem, ReductionGradient, Tangents

Array = Any

# --- results of D's shape ----------------------------------------------------------------------


@DaskBackend.register(Sqdist)
def sqdist(_: DaskBackend, problem: Problem, asked: Sqdist) -> da.Array:
    """Return D ``(n, m)``, chunked as X by Y."""
    op = operation(problem, "sqdist")
    plan.check_result(op, "D")
    return matrices.matrix(op, "sqdist", tasks.sqdist)


@DaskBackend.register(Root)
def root(_: DaskBackend, problem: Problem, asked: Root) -> da.Array:
    """Return the square root of squared distances, with the same chunks."""
    return matrices.blockwise_root(operation(problem, "root", asked.D.name), asked.D)


@DaskBackend.register(KernelMatrix)
def kernel_matrix(_: DaskBackend, problem: Problem, asked: KernelMatrix) -> da.Array:
    """Return an expression of D ``(n, m)``, chunked as X by Y."""
    given = (asked.expression,)
    op = operation(problem, "kernel_matrix", *given)
    plan.check_result(op, "the kernel matrix")
    return matrices.matrix(op, "kernel-matrix", tasks.kernel_matrix, lambda *_: given)


@DaskBackend.register(Jacobian)
def jacobian(_: DaskBackend, problem: Problem, asked: Jacobian) -> da.Array:
    """Return ``dD / dparameter (n, m) + shape``."""
    op, shape = operation(problem, "jacobian"), asked.shape
    plan.check_result(op, "the jacobian", shape)
    return matrices.matrix(op, "jacobian", tasks.jacobian, lambda *_: (shape,), shape)


@DaskBackend.register(JacobianSlice)
def jacobian_slice(_: DaskBackend, problem: Problem, asked: JacobianSlice) -> da.Array:
    """Return ``dD / dparameter[index] (n, m)``."""
    op = operation(problem, "slice", asked.index)
    plan.check_result(op, "the slice")
    return matrices.matrix(op, "slice", tasks.jacobian_slice, lambda *_: (asked.index,))


@DaskBackend.register(Pushforward)
def pushforward(_: DaskBackend, problem: Problem, asked: Pushforward) -> da.Array:
    """Return dD ``(n, m)``."""
    op = operation(problem, "jvp", *_names(asked.directions))
    plan.check_result(op, "dD")
    return matrices.matrix(op, "jvp", tasks.jvp, Directions(op, asked.directions).of_block)


# --- streamed results --------------------------------------------------------------------------


@DaskBackend.register(Pullback)
def pullback(_: DaskBackend, problem: Problem, asked: Pullback) -> Gradient:
    """Pull a cotangent ``(n, m)`` back."""
    return _pulled_back("vjp", pullback_tasks.pullback, problem, asked)


@DaskBackend.register(RootPullback)
def root_pullback(_: DaskBackend, problem: Problem, asked: RootPullback) -> Gradient:
    """Pull a cotangent ``(n, m)`` of D's square root back."""
    return _pulled_back("root_vjp", pullback_tasks.root_pullback, problem, asked)


def _pulled_back(
    name: str, task: Callable[..., Any], problem: Problem, asked: Pullback | RootPullback
) -> Gradient:
    content = (asked.cotangent.name, sorted(asked.wrt))
    op = plan.streamed(problem, name, *content, blocks=pullback_tasks.BLOCKS)
    return pullbacks.vjp(op, task, asked.cotangent, asked.wrt)


@DaskBackend.register(Nearest)
def nearest_points(_: DaskBackend, problem: Problem, asked: Nearest) -> Neighbors:
    """Return the k nearest points of every row."""
    return nearest.nearest(plan.streamed(problem, "nearest", asked.k), asked.k)


@DaskBackend.register(PointsWithin)
def points_within(_: DaskBackend, problem: Problem, asked: PointsWithin) -> NoReturn:
    """Raise: the shape of the result depends on values, which a lazy array does not know."""
    raise TypeError(
        "within cannot be lazy: how many points are within the radius is known only when it is "
        "computed; call it on the blocks in a task of yours, or use nearest(k=...)"
    )


@DaskBackend.register(ValueAndGrad)
def value_and_grad(
    _: DaskBackend, problem: Problem, asked: ValueAndGrad
) -> tuple[da.Array, ReductionGradient]:
    """Return a loss of D and its gradient."""
    return objectives.value_and_grad(problem, asked.objective, asked.wrt)


@DaskBackend.register(HessianProduct)
def hessian_product(_: DaskBackend, problem: Problem, asked: HessianProduct) -> Gradient:
    """Return the product of a loss's Hessian with directions."""
    return hessian_products.hvp(problem, asked.objective, asked.directions, asked.wrt)


@DaskBackend.register(Value)
def value(_: DaskBackend, problem: Problem, asked: Value) -> da.Array:
    """Return a loss of D alone."""
    return objectives.value(problem, asked.objective)


@DaskBackend.register(Reduced)
def reduced(_: DaskBackend, problem: Problem, asked: Reduced) -> da.Array:
    """Return the one reduction ``(n, w)`` of an objective, chunked as X's rows."""
    return objectives.reduce(problem, asked.objective)


@DaskBackend.register(KernelGradient)
def kernel_gradient(_: DaskBackend, problem: Problem, asked: KernelGradient) -> da.Array:
    """Return the gradient ``(n, c, d)`` of a sum of kernels, chunked as X's rows."""
    return kernel_gradients.kernel_gradient(problem, asked)


# --- listed pairs ------------------------------------------------------------------------------


@DaskBackend.register(PairSqdist)
def pair_sqdist(_: DaskBackend, problem: Problem, asked: PairSqdist) -> da.Array:
    """Return D ``(p,)`` of listed pairs."""
    return listed.sqdist(plan.streamed(problem, "pairs", *_of(asked.listed)), asked.listed)


@DaskBackend.register(PairPushforward)
def pair_pushforward(_: DaskBackend, problem: Problem, asked: PairPushforward) -> da.Array:
    """Return dD ``(p,)`` of listed pairs."""
    content = (*_of(asked.listed), *_names(asked.directions))
    return listed.jvp(plan.streamed(problem, "pair_jvp", *content), asked.directions, asked.listed)


@DaskBackend.register(PairPullback)
def pair_pullback(_: DaskBackend, problem: Problem, asked: PairPullback) -> Gradient:
    """Pull a cotangent ``(p,)`` of listed pairs back."""
    cotangent, wrt = asked.cotangent, asked.wrt
    op = plan.streamed(problem, "pair_vjp", *_of(asked.listed), cotangent.name, sorted(wrt))
    return listed.vjp(op, cotangent, wrt, asked.listed)


def _names(directions: Tangents) -> list[str | None]:
    found = directions.metric, directions.X, directions.Y
    return [None if array is None else array.name for array in found]


def _of(given: Pairs) -> tuple[str, str]:
    return given.i.name, given.j.name
