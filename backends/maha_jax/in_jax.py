"""Operations written in JAX, for devices other than the CPU.

Each is a function of `maha_jax.blocks`, or a derivative of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp

from maha_core.expressions import evaluate
from maha_core.problem import Gradient, Neighbors, ReductionGradient
from maha_core.rules import outputs_of
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.entrywise import Entrywise
from maha_core.sweeps.hessian_products import HessianProduct, PairHessianProduct
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.kernel_pullbacks import KernelPullback
from maha_core.sweeps.neighbors import Nearest, index_without_itself
from maha_core.sweeps.objectives import Reduced, Value, ValueAndGrad, as_rows
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.reduction_derivatives import ReducedPullback, ReducedPushforward
from maha_core.sweeps.reduction_values import ValuesAlong
from maha_core.sweeps.roots import Dist, RootPullback
from maha_core.sweeps.second_pullbacks import PullbackAlong
from maha_core.sweeps.tangents import Pushforward
from maha_jax.blocks import (
    SMOOTH,
    Arrays,
    Asked,
    OwnEntries,
    differences,
    every_pair,
    in_blocks,
    of_kernel,
    of_pairs,
    reduced,
    root,
    sqdist,
    value,
)

Array = Any


def outputs(node: Any) -> Callable[..., list[Array]]:
    """Return the function of a node, from arrays to arrays."""

    def run(*arrays: Array) -> list[Array]:
        problem, operation = node.on(arrays)
        found = outputs_of(node.backend.owns, computed(problem, operation, node.backend))
        return [jnp.astype(found[name], of.dtype) for name, of in node.outputs.items()]

    return run


def computed(problem: Any, operation: Any, backend: Any) -> Any:
    """Return the result of an operation, computed by JAX."""
    given = {"X": problem.X, "Y": problem.Y}
    if problem.metric is not None:
        given["metric"] = backend.cast(problem.metric.parameter, problem.X.dtype)
    given = {name: array for name, array in given.items() if array is not None}
    return result(operation, Asked(backend, problem, given))


def moving(asked: Asked, names: Sequence[str] | frozenset[str], **more: Array) -> Arrays:
    """Return the differentiated arrays."""
    arrays = asked.given | more
    return {name: arrays[name] for name in sorted(names)}


def along(asked: Asked, f: Callable[[Arrays], Any], directions: Any) -> Any:
    """Return the change of a function along directions."""
    named = {"metric": directions.metric, "X": directions.X, "Y": directions.Y}
    tangents = {name: array for name, array in named.items() if array is not None}
    at = moving(asked, frozenset(tangents))
    return jax.jvp(f, (at,), ({name: tangents[name] for name in at},))[1]


def gradient(
    asked: Asked, f: Callable[[Arrays], Array], G: Array, names: frozenset[str], **more: Array
) -> Callable[[Arrays], Arrays]:
    """Return the pullback of a cotangent as a function of further differentiated arrays."""

    def pulled(moved: Arrays) -> Arrays:
        at = moving(asked, names, **more) | {k: v for k, v in moved.items() if k in names}
        _, back = jax.vjp(lambda inner: f(moved | inner), at)
        found: Arrays = back(G)[0]
        return found

    return pulled


def without_own(asked: Asked, G: Array) -> Array:
    """Return a cotangent of D, 0 for self-pairs."""
    return jnp.where(jnp.eye(len(G), dtype=bool), 0, G) if asked.among_themselves else G


@singledispatch
def result(operation: Any, asked: Asked) -> Any:
    """Return the result of an operation.

    Raises
    ------
    TypeError
        The operation is not written in JAX.
    """
    raise TypeError(
        f"{type(operation).__name__} cannot be compiled for this device; call it outside of jit, "
        "grad and vmap, or compile it for the CPU"
    )


@result.register
def _(operation: Sqdist, asked: Asked) -> Array:
    return sqdist(asked)({})


@result.register
def _(operation: Dist, asked: Asked) -> Array:
    return root(sqdist(asked)({}))


@result.register
def _(operation: Root, asked: Asked) -> Array:
    return root(operation.D)


@result.register
def _(operation: Pushforward, asked: Asked) -> Array:
    return along(asked, sqdist(asked), operation.directions)


@result.register
def _(operation: Pullback, asked: Asked) -> Gradient:
    G = without_own(asked, operation.cotangent)
    return Gradient(**gradient(asked, sqdist(asked), G, operation.wrt)({}))


@result.register
def _(operation: RootPullback, asked: Asked) -> Gradient:
    G = without_own(asked, operation.cotangent)
    return Gradient(**gradient(asked, lambda m: root(sqdist(asked)(m)), G, operation.wrt)({}))


@result.register
def _(operation: PullbackAlong, asked: Asked) -> Gradient:
    G = without_own(asked, operation.cotangent)
    pulled = gradient(asked, sqdist(asked), G, operation.wrt)
    return Gradient(**along(asked, pulled, operation.directions))


@result.register
def _(operation: KernelMatrix, asked: Asked) -> Array:
    return of_kernel(asked, operation.expression)({})


@result.register
def _(operation: KernelPullback, asked: Asked) -> Gradient:
    slopes = of_kernel(asked, operation.slope)({})
    G = without_own(asked, operation.cotangent * slopes)
    return Gradient(**gradient(asked, sqdist(asked), G, operation.wrt)({}))


@result.register
def _(operation: Entrywise, asked: Asked) -> Array:
    like = next(iter(operation.inputs))
    return evaluate([operation.expression], SMOOTH, dict(operation.inputs), like)[0]


@result.register
def _(operation: PairSqdist, asked: Asked) -> Array:
    return of_pairs(asked, operation.listed)({})


@result.register
def _(operation: PairPushforward, asked: Asked) -> Array:
    return along(asked, of_pairs(asked, operation.listed), operation.directions)


@result.register
def _(operation: PairPullback, asked: Asked) -> Gradient:
    f = of_pairs(asked, operation.listed)
    return Gradient(**gradient(asked, f, operation.cotangent, operation.wrt)({}))


@result.register
def _(operation: PairHessianProduct, asked: Asked) -> Gradient:
    f, names = of_pairs(asked, operation.listed), operation.wrt
    rests = along(asked, gradient(asked, f, operation.cotangent, names), operation.directions)
    change = gradient(asked, f, operation.change, names)({})
    return Gradient(**{name: rests[name] + change[name] for name in rests})


@result.register
def _(operation: Nearest, asked: Asked) -> Neighbors:
    rows, columns = asked.sides({})

    def nearest(index: Array) -> Array:
        D = every_pair(rows.at(index), columns)
        if asked.among_themselves:
            D = OwnEntries(index).replace_diagonal(D, 0, jnp.inf)
        nearest = jnp.argsort(D, axis=1, stable=True)[:, : operation.k]
        if asked.among_themselves:  # at an infinite distance as others may be
            nearest = index_without_itself(jnp, nearest, index)
        return nearest

    index = in_blocks(asked.problem, nearest)
    return Neighbors(differences(rows.at((slice(None), None)), columns.at(index)), index)


@result.register
def _(operation: Value, asked: Asked) -> Array:
    return value(asked, operation.objective)({})


@result.register
def _(operation: ValueAndGrad, asked: Asked) -> tuple[Array, ReductionGradient]:
    f = value(asked, operation.objective)
    found, parts = jax.value_and_grad(f)(moving(asked, operation.wrt))
    return found, ReductionGradient(**parts)


@result.register
def _(operation: HessianProduct, asked: Asked) -> Gradient:
    one = jnp.ones((), asked.problem.X.dtype)
    pulled = gradient(asked, value(asked, operation.objective), one, operation.wrt)
    return Gradient(**along(asked, pulled, operation.directions))


@result.register
def _(operation: Reduced, asked: Asked) -> Array:
    return reduced(asked, operation.objective)({})


@result.register
def _(operation: ReducedPushforward, asked: Asked) -> Array:
    return along(asked, reduced(asked, operation.objective), operation.directions)


@result.register
def _(operation: ReducedPullback, asked: Asked) -> ReductionGradient:
    pulled = of_reduction(asked, operation, operation.wrt)({})
    if "values" in pulled:
        pulled["values"] = as_rows(pulled["values"])
    return ReductionGradient(**pulled)


@result.register
def _(operation: ValuesAlong, asked: Asked) -> Array:
    pulled = of_reduction(asked, operation, frozenset({"values"}))
    return as_rows(along(asked, pulled, operation.directions)["values"])


def of_reduction(asked: Asked, operation: Any, names: frozenset[str]) -> Callable[[Arrays], Arrays]:
    """Return the pullback of a reduction's cotangent as a function of differentiated arrays."""
    objective, more = operation.objective, {}
    (reduction,) = objective.terms.reductions.values()
    if "values" in names:
        more["values"] = objective.column_data[reduction.values]
    g = as_rows(operation.cotangent)
    return gradient(asked, reduced(asked, objective), g, names, **more)
