"""The shapes and dtypes of the results of operations, for tracers.

Every operation that can be traced has a function here. The shapes of other results depend on
values.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, TypeAlias

import jax

from maha_core.problem import Gradient, Neighbors, ReductionGradient
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.entrywise import Entrywise
from maha_core.sweeps.hessian_products import HessianProduct, PairHessianProduct
from maha_core.sweeps.jacobians import Jacobian, JacobianSlice
from maha_core.sweeps.kernel_gradients import KernelGradient
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.kernel_pullbacks import KernelPullback
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.objectives import Reduced, Value, ValueAndGrad, reduced_width
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.reduction_derivatives import ReducedPullback, ReducedPushforward
from maha_core.sweeps.reduction_values import ValuesAlong
from maha_core.sweeps.roots import Dist, RootPullback
from maha_core.sweeps.second_pullbacks import PullbackAlong
from maha_core.sweeps.tangents import Pushforward

Shaped: TypeAlias = jax.ShapeDtypeStruct


@singledispatch
def result_of(operation: Any, problem: Any) -> Any:
    """Return the result of an operation on a problem, with shapes and dtypes for arrays.

    Raises
    ------
    TypeError
        The shapes of its result depend on values.
    """
    name = {"PointsWithin": "within"}.get(type(operation).__name__, type(operation).__name__)
    raise TypeError(
        f"{name} is called inside jit, grad or vmap, and the shapes of its result depend on "
        "values; call it outside, on concrete arrays"
    )


@result_of.register(Sqdist)
@result_of.register(Dist)
@result_of.register(Pushforward)
@result_of.register(KernelMatrix)
@result_of.register(JacobianSlice)
def _matrix(operation: Any, problem: Any) -> Shaped:
    return _real(problem, problem.n, problem.m)


@result_of.register
def _jacobian(operation: Jacobian, problem: Any) -> Shaped:
    return _real(problem, problem.n, problem.m, *operation.shape)


@result_of.register(PairSqdist)
@result_of.register(PairPushforward)
def _of_pairs(operation: Any, problem: Any) -> Shaped:
    return _real(problem, operation.listed.i.shape[0])


@result_of.register
def _root(operation: Root, problem: Any) -> Shaped:
    return Shaped(operation.D.shape, operation.D.dtype)


@result_of.register
def _entrywise(operation: Entrywise, problem: Any) -> Shaped:
    like = next(iter(operation.inputs.values()))
    return Shaped(like.shape, like.dtype)


@result_of.register
def _nearest(operation: Nearest, problem: Any) -> Neighbors:
    shape = problem.n, operation.k
    return Neighbors(_real(problem, *shape), Shaped(shape, jax.dtypes.canonicalize_dtype("int64")))


@result_of.register(Pullback)
@result_of.register(RootPullback)
@result_of.register(PullbackAlong)
@result_of.register(KernelPullback)
@result_of.register(PairPullback)
@result_of.register(PairHessianProduct)
@result_of.register(HessianProduct)
def _gradient(operation: Any, problem: Any) -> Gradient:
    return Gradient(**_parts(operation.wrt, problem))


@result_of.register
def _value(operation: Value, problem: Any) -> Shaped:
    return _real(problem)


@result_of.register
def _value_and_grad(operation: ValueAndGrad, problem: Any) -> tuple[Shaped, ReductionGradient]:
    found = _parts(operation.wrt, problem)
    if "values" in operation.wrt:
        found["values"] = _values(operation, problem)
    return _real(problem), ReductionGradient(**found)


@result_of.register(Reduced)
@result_of.register(ReducedPushforward)
def _reduced(operation: Any, problem: Any) -> Shaped:
    return _real(problem, problem.n, reduced_width(operation.objective))


@result_of.register
def _reduced_pullback(operation: ReducedPullback, problem: Any) -> ReductionGradient:
    found: Mapping[str, Shaped] = _parts(operation.wrt, problem)
    values = _values(operation, problem) if "values" in operation.wrt else None
    return ReductionGradient(**found, values=values)


@result_of.register
def _values_along(operation: ValuesAlong, problem: Any) -> Shaped:
    return _values(operation, problem)


@result_of.register
def _kernel_gradient(operation: KernelGradient, problem: Any) -> Shaped:
    return _real(problem, problem.n, operation.values.shape[1], problem.d)


def _values(operation: Any, problem: Any) -> Shaped:
    return _real(problem, problem.m, reduced_width(operation.objective))


def _parts(wrt: frozenset[str], problem: Any) -> dict[str, Shaped]:
    """Return the parts of a gradient that are wanted."""
    found = {}
    if "metric" in wrt:
        found["metric"] = _real(problem, *problem.metric.parameter.shape)
    if "X" in wrt:
        found["X"] = _real(problem, *problem.X.shape)
    if "Y" in wrt:
        found["Y"] = _real(problem, *problem.Y.shape)
    return found


def _real(problem: Any, *shape: int) -> Shaped:
    return Shaped(shape, problem.X.dtype)
