"""Coincident pairs: where D is 0, a cotangent that is not finite counts as 0.

The derivative of a root of D is infinite there, while the first derivative of D is 0. Finite
entries are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maha_core import checks, guard
from maha_core.tiles import tiling

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Pairs, Problem

Array = Any


def finite_or_again(
    backend: Backend, problem: Problem, G: Array, again: Callable[[], Array]
) -> Array:
    """Return a cotangent; recompute it if it is not finite and values are checked."""
    return checks.finite_or_again(backend, G, again) if problem.options.check_finite else G


def without(backend: Backend, problem: Problem, G: Array, rows: slice, columns: slice) -> Array:
    """Return a block of a cotangent with 0 where it is not finite and the points coincide.

    Raises
    ------
    ValueError
        It is not finite where D is not 0.
    """
    i, j = backend.xp.nonzero(~backend.xp.isfinite(G))
    return _kept(backend, problem, G, problem.X[rows, :], problem.others[columns, :], i, j)


def without_listed(backend: Backend, problem: Problem, g: Array, listed: Pairs) -> Array:
    """Return the same for a cotangent ``(p,)`` of listed pairs."""
    xp = backend.xp
    (which,) = xp.nonzero(~xp.isfinite(g))
    i, j = xp.take(listed.i, which), xp.take(listed.j, which)
    return _kept(backend, problem, g, problem.X, problem.others, i, j)


def _kept(
    backend: Backend, problem: Problem, G: Array, X: Array, Y: Array, i: Array, j: Array
) -> Array:
    xp, entries = backend.xp, tiling.entries(problem, backend.tile_bytes)
    if not bool(xp.all(guard.direct(backend, problem.form, X, Y, i, j, entries) == 0)):
        checks.finite(backend, G, "cotangent")
    return xp.where(xp.isfinite(G), G, xp.zeros_like(G))


def without_infinite(xp: Any, G: Array, coincident: Array) -> Array:
    """Return a tile of a cotangent with 0 where it is not finite and the pair coincides."""
    return xp.where(coincident & ~xp.isfinite(G), xp.zeros_like(G), G)
