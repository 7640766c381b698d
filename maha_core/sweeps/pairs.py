"""Listed pairs: everything from direct differences, at a cost linear in their number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.problem import Gradient
from maha_core.sweeps import tiling
from maha_core.sweeps.accumulation import plus
from maha_core.sweeps.tangents import terms

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Pairs, Problem, Tangents

Array = Any


def sqdist(backend: Backend, problem: Problem, listed: Pairs) -> Array:
    """Return D ``(p,)``."""
    found = [problem.form.direct(delta) for _, delta in _batches(backend, problem, listed)]
    return _joined(backend, problem, found)


def jvp(backend: Backend, problem: Problem, directions: Tangents, listed: Pairs) -> Array:
    """Return dD ``(p,)`` along the directions that are given."""
    form = problem.form
    found = []
    for part, delta in _batches(backend, problem, listed):
        dW = _tangent_difference(backend, problem, directions, listed, part)
        U = form.operand(delta)
        moving = dW is not None
        summed = terms(backend.xp, form, delta, U, directions.metric, dW, moving)
        parts = [term.factor * backend.xp.sum(term.U * term.V, axis=1) for term in summed]
        found.append(sum(parts[1:], parts[0]))
    return _joined(backend, problem, found)


def vjp(
    backend: Backend, problem: Problem, cotangent: Array, wrt: frozenset[str], listed: Pairs
) -> Gradient:
    """Return the gradient of ``sum_p g_p D_p`` for a cotangent g ``(p,)``."""
    if problem.Y is None:
        cotangent = _without_self(backend, cotangent, listed)
    if problem.options.check_finite:
        backend.check_finite(cotangent, "cotangent")
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
    parameter, points = None, []
    for part, delta in _batches(backend, problem, listed):
        U = form.operand(delta)
        LU = cotangent[part, None] * U
        if "metric" in wrt:
            parameter = plus(parameter, backend.widen(form.pull(delta, U, LU)))
        if "X" in wrt or "Y" in wrt:
            points.append(form.pull_points(LU))
    dtype = problem.X.dtype
    return (
        None if parameter is None else xp.astype(parameter, dtype, copy=False),
        xp.concat(points) if points else None,
    )


def _batches(backend: Backend, problem: Problem, listed: Pairs) -> Iterator[tuple[slice, Array]]:
    """Yield differences; one empty batch where there are no pairs, which shapes the result."""
    if listed.i.shape[0] == 0:
        yield slice(0, 0), problem.X[:0, :]
        return
    entries = tiling.entries(problem, backend.tile_bytes)
    yield from guard.differences(backend, problem.X, problem.others, listed.i, listed.j, entries)


def _joined(backend: Backend, problem: Problem, found: list[Array]) -> Array:
    return found[0] if len(found) == 1 else backend.xp.concat(found)


def _tangent_difference(
    backend: Backend, problem: Problem, directions: Tangents, listed: Pairs, part: slice
) -> Array | None:
    """Return ``dx_i - dy_j (b, d)``, or None where no point moves."""
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
