"""D of so few points that it is one block: what counts there is the number of NumPy's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core import formulas, guard
from maha_core.sweeps import tiling

if TYPE_CHECKING:
    from maha_core.problem import Problem
    from maha_numpy.backend import NumpyBackend

Array = Any

SMALL = 2**14
"""A block of so few entries is multiplied in float64: that costs less than the guard in float32."""

LARGEST = 2**17
"""The largest block: a megabyte of float64, which stays in the cache."""


class Side(NamedTuple):
    """Points W, both operands of D, and their products ``u_i . v_i``."""

    W: Array
    U: Array
    V: Array
    norms: Array


def is_one(backend: NumpyBackend, problem: Problem) -> bool:
    """Tell whether D is one block: beyond, tiles in several threads are quicker."""
    return 0 < problem.n * problem.m <= min(LARGEST, tiling.entries(problem, backend.tile_bytes))


def sqdist(backend: NumpyBackend, problem: Problem, out: Array | None) -> Array:
    """Return D ``(n, m)``."""
    with backend.quiet():
        D = _at_once(backend, problem) if problem.accurate else None
        if D is None:
            D = _guarded(backend, problem)
    if out is None:
        return D
    out[...] = D
    return out


def _at_once(backend: NumpyBackend, problem: Problem) -> Array | None:
    """Return D of the points where they are, or None where an entry of it may have cancelled."""
    rows, columns = _sides(backend, problem, None)
    D = _product(problem, rows, columns)
    form, width, dtype = problem.form, problem.width, D.dtype
    highest = guard.ceiling(form, rows.W, rows.norms, width, dtype)
    if columns is not rows:
        highest = max(highest, guard.ceiling(form, columns.W, columns.norms, width, dtype))
    if not D.min() >= 2 * highest:
        return None
    _fill_itself(problem, D, 0)
    return D


def _guarded(backend: NumpyBackend, problem: Problem) -> Array:
    """Return D of the points about their centre, what cancelled computed again."""
    rows, columns = _sides(backend, problem, backend.centre(problem.X))
    D = _product(problem, rows, columns)
    if problem.accurate:
        _recompute(backend, problem, rows, columns, D)
    elif problem.form.nonnegative:
        np.clip(D, 0, np.inf, out=D)
    _fill_itself(problem, D, 0)
    return D


def _sides(backend: NumpyBackend, problem: Problem, centre: Array | None) -> tuple[Side, Side]:
    small = problem.accurate and problem.n * problem.m <= SMALL
    dtype = np.dtype(np.float64) if small else backend.product_dtype(problem)
    rows = _side(problem, problem.X.astype(dtype, copy=False), centre)
    if problem.Y is None:
        return rows, rows
    return rows, _side(problem, problem.Y.astype(dtype, copy=False), centre)


def _side(problem: Problem, points: Array, centre: Array | None) -> Side:
    W = points if centre is None else points - centre
    U = problem.form.operand(W)
    V = problem.form.dual(U)
    return Side(W, U, V, formulas.dot(np, U, V))


def _product(problem: Problem, rows: Side, columns: Side) -> Array:
    """Return D as its product gives it, infinite where a point meets itself."""
    if columns is rows:
        D = formulas.symmetric_form_alone(rows.U, rows.V, rows.norms)
    else:
        D = formulas.symmetric_form(rows.U, columns.V, rows.norms, columns.norms)
    D = D.astype(problem.X.dtype, copy=False)
    _fill_itself(problem, D, np.inf)
    return D


def _fill_itself(problem: Problem, D: Array, fill: float) -> None:
    if problem.Y is None:
        D.reshape(-1)[:: problem.n + 1] = fill


def _recompute(
    backend: NumpyBackend, problem: Problem, rows: Side, columns: Side, D: Array
) -> None:
    sides = (rows,) if columns is rows else (rows, columns)
    form, width = problem.form, problem.width
    thresholds = [guard.thresholds(form, side.W, side.norms, width, D.dtype) for side in sides]
    flagged = backend.cancelled(D, thresholds[0], thresholds[-1]).flagged
    if flagged is None:
        return
    if columns is rows:
        upper = flagged.i < flagged.j
        flagged = guard.Flagged(flagged.i[upper], flagged.j[upper])
    i, j = flagged.i, flagged.j
    entries = tiling.entries(problem, backend.tile_bytes)
    D[i, j] = guard.recomputed(backend, form, flagged, problem.X, problem.others, entries)
    if columns is rows:
        D[j, i] = D[i, j]
