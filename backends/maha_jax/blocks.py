"""D and sums of functions of D as functions that JAX differentiates.

D is computed from direct differences. Sums are computed for one block of rows at a time by
`jax.lax.map`, and recomputed in the backward pass (`jax.checkpoint`), so that no array of size
n x m is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from maha_core.expressions import evaluate
from maha_core.metrics.euclidean import euclidean
from maha_core.metrics.form import IndefiniteForm
from maha_core.reductions.array_sum import ArraySum
from maha_core.reductions.listed_sum import ListedSum
from maha_core.sweeps.objectives import as_columns, as_rows
from maha_core.tiles.arithmetic import ArrayArithmetic
from maha_core.tiles.self_pairs import SelfPairs
from maha_core.tiles.tile import Tile

Array = Any
Arrays = dict[str, Array]
"""What is differentiated, by name: "metric", "X", "Y" and "values"."""

ENTRIES = 2**22
"""The largest number of entries of a block of D, except for a single row."""

SLACK = 16.0
"""A negative D of at most this many roundings counts as 0."""


@dataclass(frozen=True)
class Asked:
    """The points and the metric of a problem, some of which are differentiated."""

    backend: Any
    problem: Any
    given: Arrays

    def sides(self, moved: Arrays) -> tuple[Side, Side]:
        """Return the points of rows and columns, minus a common centre, embedded."""
        arrays = self.given | moved
        X, n = self.problem.X, self.problem.n
        centre = jax.lax.stop_gradient(jnp.sum(X, axis=0) / max(n, 1))
        rows = self._side(arrays, arrays["X"] - centre)
        return rows, rows if "Y" not in arrays else self._side(arrays, arrays["Y"] - centre)

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
        """Whether there is no Y."""
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
    """Return rows of an array, NaN for an index out of range: indices cannot be checked before."""
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
    return jnp.where((D < 0) & (-rounding < D), 0, D)


def every_pair(rows: Side, columns: Side) -> Array:
    """Return D ``(r, m)``."""
    return differences(rows.at((slice(None), None)), columns.at((None, slice(None))))


def root(D: Array) -> Array:
    """Return the square root, with the derivative 0 at 0."""
    return jnp.where(D == 0, 0, jnp.sqrt(jnp.where(D == 0, 1, D)))


class Smooth:
    """JAX's namespace with `root` as its sqrt: derivatives are finite between equal points."""

    sqrt = staticmethod(root)

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


SMOOTH = Smooth()


# ----------------------------------------------------------------------------------- functions


def sqdist(asked: Asked) -> Callable[[Arrays], Array]:
    """Return D as a function of the differentiated arrays."""
    return lambda moved: every_pair(*asked.sides(moved))


def of_kernel(asked: Asked, expression: Any) -> Callable[[Arrays], Array]:
    """Return an expression of D as a function of the differentiated arrays."""
    return lambda moved: evaluate([expression], SMOOTH, {"D": sqdist(asked)(moved)})[0]


def of_pairs(asked: Asked, listed: Any) -> Callable[[Arrays], Array]:
    """Return D of listed pairs as a function of the differentiated arrays."""

    def found(moved: Arrays) -> Array:
        rows, columns = asked.sides(moved)
        return differences(rows.listed(listed.i), columns.listed(listed.j))

    return found


def reduced(asked: Asked, objective: Any) -> Callable[[Arrays], Array]:
    """Return a reduction ``(n, w)`` as a function of the differentiated arrays and values."""

    def block(tile: Tile) -> Array:
        (found,) = objective.terms.finish(SMOOTH, objective.terms.summarise(tile)).values()
        return found

    return lambda moved: jnp.astype(by_rows(asked, objective, block, moved), asked.problem.X.dtype)


def value(asked: Asked, objective: Any) -> Callable[[Arrays], Array]:
    """Return a loss as a function of the differentiated arrays."""

    def block(tile: Tile) -> Array:
        found: Array = objective.terms.value(tile, objective.terms.summarise(tile))
        return found

    return lambda moved: jnp.astype(
        jnp.sum(by_rows(asked, objective, block, moved)), asked.problem.X.dtype
    )


def by_rows(asked: Asked, objective: Any, block: Callable[[Tile], Array], moved: Arrays) -> Array:
    """Return the results of a function of tiles, for all rows."""
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
    """Return a function's results for all rows, by blocks, recomputed for derivatives."""
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
        self_pairs=SelfPairs(OwnEntries(index), 0) if alone else None,
        arithmetic=ArrayArithmetic(jnp.exp, jnp.subtract, nullcontext),
        scatter_add=asked.backend.scatter_add,
        widest=asked.backend.widest_float(None),
        vectors=frozenset(name for name, given in data.items() if given.ndim == 2),
    )


def refuse(objective: Any) -> None:
    """Raise TypeError for a loss that is not computed by rows."""
    reductions = objective.terms.reductions.values()
    if objective.listed is not None or any(isinstance(r, ListedSum | ArraySum) for r in reductions):
        raise TypeError(
            f"{objective.terms.name} cannot be compiled for this device: it lists pairs, or has a "
            "function of arrays; call it outside of jit, grad and vmap, or compile it for the CPU"
        )


@dataclass(frozen=True)
class OwnEntries:
    """The self-pairs of a block of rows, for `SelfPairs`."""

    index: Array

    def replace_diagonal(self, values: Array, offset: int, fill: float) -> Array:
        """Return values ``(r, m)`` with `fill` for self-pairs."""
        own = self.index[:, None] == jnp.arange(values.shape[1])
        return jnp.where(own, jnp.asarray(fill, values.dtype), values)

    fill_diagonal = replace_diagonal
