"""Operations on listed pairs, from direct differences, at a cost linear in their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from maha_core import guard
from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps import coincident
from maha_core.sweeps.tangents import along
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Pairs, Problem, Tangents

Array = Any
Result = TypeVar("Result", covariant=True)

SMALLEST_PART = 2**17
"""The entries of differences that are worth a thread of their own."""


class OfPairs(Operation[Result]):
    """The base class of operations on listed pairs; `size` is bounded by that of all pairs."""

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size


@dataclass(frozen=True)
class PairSqdist(OfPairs[Array]):
    """D ``(p,)`` of listed pairs."""

    listed: Pairs

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return D from the pairs' differences."""
        X, others, form, listed = problem.X, problem.others, problem.form, self.listed
        entries = tiling.entries(problem, backend.tile_bytes)

        def of_part(part: slice) -> Array:
            return guard.direct(backend, form, X, others, listed.i[part], listed.j[part], entries)

        parts = _parts(backend, problem, listed)
        found = list(backend.map_ordered(of_part, parts, problem.options))
        return found[0] if len(found) == 1 else backend.xp.concat(found)


@dataclass(frozen=True)
class PairPushforward(OfPairs[Array]):
    """dD ``(p,)`` of listed pairs along the directions that are given."""

    directions: Tangents
    listed: Pairs

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return dD from the pairs' differences."""
        form, directions, found = problem.form, self.directions, []
        for part, delta in _batches(backend, problem, self.listed):
            dW = _tangent_difference(backend, problem, directions, self.listed, part)
            U = form.operand(delta)
            moving = dW is not None
            V = along(backend.xp, form, delta, U, directions.metric, dW, moving)
            found.append(backend.xp.sum(U * V, axis=1))
        return found[0] if len(found) == 1 else backend.xp.concat(found)


@dataclass(frozen=True)
class PairPullback(OfPairs[Gradient]):
    """The gradient of ``sum_p g_p D_p`` for a cotangent g ``(p,)`` of listed pairs."""

    cotangent: Array
    wrt: frozenset[str]
    listed: Pairs

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the gradient from the pairs' differences."""
        return vjp(backend, problem, self.cotangent, self.wrt, self.listed)


def vjp(
    backend: Backend, problem: Problem, cotangent: Array, wrt: frozenset[str], listed: Pairs
) -> Gradient:
    """Return the gradient of ``sum_p g_p D_p`` for a cotangent g ``(p,)``."""
    if problem.Y is None:
        cotangent = _without_self(backend, cotangent, listed)
    cotangent = coincident.finite_or_again(
        backend,
        problem,
        cotangent,
        lambda: coincident.without_listed(backend, problem, cotangent, listed),
    )
    parameter, points = _pulled(backend, problem, cotangent, wrt, listed)
    X = Y = None
    if points is not None:
        X = backend.scatter_add(listed.i, points, problem.n)
        Y = -backend.scatter_add(listed.j, points, problem.m)
        X = X if problem.Y is not None else X + Y
    return Gradient(
        metric=parameter,
        X=X if "X" in wrt else None,
        Y=Y if "Y" in wrt else None,
    )


def _pulled(
    backend: Backend, problem: Problem, cotangent: Array, wrt: frozenset[str], listed: Pairs
) -> tuple[Array | None, Array | None]:
    """Return the parameter's gradient, and the points' ``(p, d)`` before it is summed by index."""
    xp, form = backend.xp, problem.form

    def of_part(part: slice) -> tuple[Array | None, Array | None]:
        i, j = listed.i[part], listed.j[part]
        delta = backend.row_differences(problem.X, i, problem.others, j)
        U = form.operand(delta)
        LU = cotangent[part, None] * U
        return (
            backend.widen(form.pull(delta, U, LU)) if "metric" in wrt else None,
            form.pull_points(LU) if "X" in wrt or "Y" in wrt else None,
        )

    parameter, points = None, []
    for own, moved in backend.map_ordered(
        of_part, _parts(backend, problem, listed), problem.options
    ):
        parameter = plus(parameter, own)
        points.append(moved)
    dtype = problem.X.dtype
    return (
        None if parameter is None else xp.astype(parameter, dtype, copy=False),
        None if points[0] is None else xp.concat(points),
    )


def _parts(backend: Backend, problem: Problem, listed: Pairs) -> list[slice]:
    """Divide a list so that several threads have a part; one empty part if there are no pairs."""
    p = listed.i.shape[0]
    entries = tiling.entries(problem, backend.tile_bytes)
    entries = min(entries, max(SMALLEST_PART, p * problem.d // tiling.TILES))
    return tiling.blocks(p, max(1, entries // problem.d)) or [slice(0, 0)]


def _batches(backend: Backend, problem: Problem, listed: Pairs) -> Iterator[tuple[slice, Array]]:
    """Yield differences."""
    entries = tiling.entries(problem, backend.tile_bytes)
    yield from guard.differences(backend, problem.X, problem.others, listed.i, listed.j, entries)


def _tangent_difference(
    backend: Backend, problem: Problem, directions: Tangents, listed: Pairs, part: slice
) -> Array | None:
    """Return ``dx_i - dy_j (b, d)``, or None if the points have no direction."""
    xp = backend.xp
    others = directions.X if problem.Y is None else directions.Y
    moved = None
    if directions.X is not None:
        moved = xp.take(directions.X, listed.i[part], axis=0)
    if others is not None:
        back = xp.take(others, listed.j[part], axis=0)
        moved = -back if moved is None else moved - back
    return moved


def _without_self(backend: Backend, cotangent: Array, listed: Pairs) -> Array:
    """Return the cotangent with 0 for a point listed with itself."""
    xp = backend.xp
    return xp.where(listed.i == listed.j, xp.zeros_like(cotangent), cotangent)
