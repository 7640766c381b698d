"""Operations in JAX itself, for devices that NumPy's engine does not reach.

D and what is summed of it are written once, as functions that JAX differentiates: D from direct
differences, a block of rows at a time under `jax.lax.map`, each made again in the backward pass
(`jax.checkpoint`), so that nothing of size n x m is kept. What derivatives ask for are derivatives
of these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp

from maha_core.expressions import evaluate
from maha_core.metrics.euclidean import euclidean
from maha_core.metrics.form import IndefiniteForm
from maha_core.problem import Gradient, Neighbors, ReductionGradient
from maha_core.reductions.array_sum import ArraySum
from maha_core.reductions.listed_sum import ListedSum
from maha_core.rules import outputs_of
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.entrywise import Entrywise
from maha_core.sweeps.hessian_products import HessianProduct, PairHessianProduct
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.kernel_pullbacks import KernelPullback
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.objectives import Reduced, Value, ValueAndGrad, as_columns, as_rows
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.reduction_derivatives import ReducedPullback, ReducedPushforward
from maha_core.sweeps.reduction_values import ValuesAlong
from maha_core.sweeps.roots import Dist, RootPullback
from maha_core.sweeps.second_pullbacks import PullbackAlong
from maha_core.sweeps.tangents import Pushforward
from maha_core.tiles.arithmetic import ArrayArithmetic
from maha_core.tiles.tile import Tile

Array = Any
Arrays = dict[str, Array]
"""What is differentiated, by name: "metric", "X", "Y" and "values"."""

ENTRIES = 2**22
"""So many entries has a block of D, or one row."""

SLACK = 16.0
"""A negative D of so many roundings is 0."""


def computed(problem: Any, operation: Any, backend: Any) -> Any:
    """Return the result of an operation, in JAX itself."""
    given = {"X": problem.X, "Y": problem.Y}
    if problem.metric is not None:
        given["metric"] = backend.cast(problem.metric.parameter, problem.X.dtype)
    given = {name: array for name, array in given.items() if array is not None}
    return result(operation, Asked(backend, problem, given))


@dataclass(frozen=True)
class Asked:
    """The points and the metric of a problem, some of which move."""

    backend: Any
    problem: Any
    given: Arrays

    def sides(self, moved: Arrays) -> tuple[Side, Side]:
        """Return the rows' points and the columns', embedded."""
        arrays = self.given | moved
        rows = self._side(arrays, arrays["X"])
        return rows, rows if "Y" not in arrays else self._side(arrays, arrays["Y"])

    def _side(self, arrays: Arrays, W: Array) -> Side:
        metric = self.problem.metric
        if metric is None:
            form = euclidean(jnp)
        else:
            form = type(metric)(arrays["metric"]).form(self.backend, arrays["metric"])
        if isinstance(form, IndefiniteForm):
            return Side(W, form.dual(W))
        U = form.operand(W)
        return Side(U, None)

    @property
    def among_themselves(self) -> bool:
        """Whether the points meet themselves."""
        return self.problem.Y is None


@dataclass(frozen=True)
class Side:
    """U and V of the difference form ``(u_i - u'_j) . (v_i - v'_j)``; V is U where it is None."""

    U: Array
    V: Array | None

    def at(self, index: Any) -> Side:
        """Return those of some points."""
        return Side(self.U[index], None if self.V is None else self.V[index])

    def listed(self, index: Array) -> Side:
        """Return those of points listed by the user."""
        V = None if self.V is None else _listed(self.V, index)
        return Side(_listed(self.U, index), V)


def _listed(U: Array, index: Array) -> Array:
    """Return rows of an array, NaN for one that is not there: nobody else can say so."""
    found = U.at[index].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
    return found


def differences(rows: Side, columns: Side) -> Array:
    """Return D of points whose leading axes broadcast."""
    du = rows.U - columns.U
    if rows.V is None:
        return jnp.sum(du * du, axis=-1)
    products = du * (rows.V - columns.V)
    D = jnp.sum(products, axis=-1)
    rounding = SLACK * jnp.finfo(D.dtype).eps * jnp.sum(jnp.abs(products), axis=-1)
    return jnp.where((D < 0) & (D > -rounding), 0, D)


def every_pair(rows: Side, columns: Side) -> Array:
    """Return D ``(r, m)``."""
    return differences(rows.at((slice(None), None)), columns.at((None, slice(None))))


def root(D: Array) -> Array:
    """Return the root, whose derivative is 0 at 0."""
    return jnp.where(D == 0, 0, jnp.sqrt(jnp.where(D == 0, 1, D)))


class Smooth:
    """JAX's namespace with `root` for its root: derivatives are finite between equal points."""

    sqrt = staticmethod(root)

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


SMOOTH = Smooth()


# ----------------------------------------------------------------------------------- functions


def sqdist(asked: Asked) -> Callable[[Arrays], Array]:
    """Return D as a function of what moves."""
    return lambda moved: every_pair(*asked.sides(moved))


def of_kernel(asked: Asked, expression: Any) -> Callable[[Arrays], Array]:
    """Return an expression of D as a function of what moves."""
    return lambda moved: evaluate([expression], SMOOTH, {"D": sqdist(asked)(moved)})[0]


def of_pairs(asked: Asked, listed: Any) -> Callable[[Arrays], Array]:
    """Return D of listed pairs as a function of what moves."""

    def found(moved: Arrays) -> Array:
        rows, columns = asked.sides(moved)
        return differences(rows.listed(listed.i), columns.listed(listed.j))

    return found


def reduced(asked: Asked, objective: Any) -> Callable[[Arrays], Array]:
    """Return a reduction ``(n, w)`` as a function of what moves, its values among it."""

    def block(tile: Tile) -> Array:
        (found,) = objective.terms.finish(SMOOTH, objective.terms.summarise(tile)).values()
        return found

    return lambda moved: jnp.astype(by_rows(asked, objective, block, moved), asked.problem.X.dtype)


def value(asked: Asked, objective: Any) -> Callable[[Arrays], Array]:
    """Return a loss as a function of what moves."""

    def block(tile: Tile) -> Array:
        found: Array = objective.terms.value(tile, objective.terms.summarise(tile))
        return found

    return lambda moved: jnp.astype(
        jnp.sum(by_rows(asked, objective, block, moved)), asked.problem.X.dtype
    )


def by_rows(asked: Asked, objective: Any, block: Callable[[Tile], Array], moved: Arrays) -> Array:
    """Return what a function gives of the tiles of all rows."""
    refuse(objective)
    rows, columns = asked.sides(moved)
    data = dict(objective.column_data)
    if "values" in moved:
        (reduction,) = objective.terms.reductions.values()
        data[reduction.values] = moved["values"]

    def of_block(index: Array) -> Array:
        D = every_pair(rows.at(index), columns)
        return block(tile_of(asked, objective, D, data, index))

    return in_blocks(asked.problem, of_block)


def in_blocks(problem: Any, of_block: Callable[[Array], Array]) -> Array:
    """Return what a function gives for all rows, some at a time, made again for derivatives."""
    n, m = problem.n, problem.m
    size = max(1, min(n, ENTRIES // max(m, 1)))
    count = -(-n // size)
    again = jax.checkpoint(lambda start: of_block(jnp.clip(start + jnp.arange(size), max=n - 1)))
    found = jax.lax.map(again, jnp.arange(count) * size)
    return jnp.reshape(found, (count * size, *found.shape[2:]))[:n]


def tile_of(asked: Asked, objective: Any, D: Array, data: Arrays, index: Array) -> Tile:
    """Return some rows of D and their numbers."""
    alone = asked.among_themselves and not objective.self_pairs
    return Tile(
        xp=SMOOTH,
        sqdist=D,
        rows=slice(0, len(index)),
        columns=slice(0, asked.problem.m),
        row_data={name: as_rows(given[index]) for name, given in objective.row_data.items()},
        column_data={name: as_columns(given) for name, given in data.items()},
        listed=None,
        first_tile_of_row=True,
        self_pairs=OwnEntries(index) if alone else None,
        smallest=None,
        arithmetic=ArrayArithmetic(jnp.exp, jnp.subtract, nullcontext),
        scatter_add=asked.backend.scatter_add,
        widest=asked.backend.widest_float(None),
        vectors=frozenset(name for name, given in data.items() if given.ndim == 2),
        sparse=False,
    )


def refuse(objective: Any) -> None:
    """Raise TypeError for what is not computed by rows."""
    reductions = objective.terms.reductions.values()
    if objective.listed is not None or any(isinstance(r, ListedSum | ArraySum) for r in reductions):
        raise TypeError(
            f"{objective.terms.name} cannot be compiled for this device: it lists pairs, or has a "
            "function of arrays; call it outside of jit, grad and vmap, or compile it for the CPU"
        )


@dataclass(frozen=True)
class OwnEntries:
    """Where points meet themselves in a block of some rows."""

    index: Array

    def replaced(self, values: Array, fill: float) -> Array:
        """Return values ``(r, m)`` with `fill` where a point meets itself."""
        own = self.index[:, None] == jnp.arange(values.shape[1])
        return jnp.where(own, jnp.asarray(fill, values.dtype), values)

    filled = replaced


# ---------------------------------------------------------------------------------- derivatives


def moving(asked: Asked, names: Sequence[str] | frozenset[str], **more: Array) -> Arrays:
    """Return what is differentiated."""
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
    """Return the pullback of a cotangent as a function of what moves further."""

    def pulled(moved: Arrays) -> Arrays:
        at = moving(asked, names, **more) | {k: v for k, v in moved.items() if k in names}
        _, back = jax.vjp(lambda inner: f(moved | inner), at)
        (found,) = back(G)
        return found

    return pulled


def without_own(asked: Asked, G: Array) -> Array:
    """Return a cotangent of D, 0 where points meet themselves."""
    return jnp.where(jnp.eye(len(G), dtype=bool), 0, G) if asked.among_themselves else G


@singledispatch
def result(operation: Any, asked: Asked) -> Any:
    """Return the result of an operation.

    Raises
    ------
    TypeError
        It is not written in JAX.
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
            D = OwnEntries(index).replaced(D, jnp.inf)
        return jnp.argsort(D, axis=1, stable=True)[:, : operation.k]

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
    """Return the pullback of a reduction's cotangent as a function of what moves."""
    objective, more = operation.objective, {}
    (reduction,) = objective.terms.reductions.values()
    if "values" in names:
        more["values"] = objective.column_data[reduction.values]
    g = as_rows(operation.cotangent)
    return gradient(asked, reduced(asked, objective), g, names, **more)


def outputs(node: Any) -> Callable[..., list[Array]]:
    """Return the function of arrays that a node stands for."""

    def run(*arrays: Array) -> list[Array]:
        problem, operation = node.on(arrays)
        found = outputs_of(node.backend.owns, computed(problem, operation, node.backend))
        return [jnp.astype(found[name], of.dtype) for name, of in node.outputs.items()]

    return run
