"""D of so few points that it is one block: what counts there is the number of NumPy's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core import formulas, guard
from maha_core.sweeps import tiling
from maha_numpy import review

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
    lowest = D.min()
    for side in (rows,) if columns is rows else (rows, columns):
        if not lowest >= 2 * guard.ceiling(form, side.W, side.norms, width, dtype):
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
    if flagged is not None:
        review.recompute(backend, problem, D, flagged)
