"""D of few points as one block, with as few calls of NumPy as possible."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core import formulas, guard
from maha_core.expressions import evaluate
from maha_core.metrics.euclidean import EuclideanForm
from maha_core.metrics.factor import FactorForm
from maha_core.sweeps import distances
from maha_core.tiles import tiling
from maha_numpy import review
from maha_numpy.compiled import small
from maha_numpy.compiled.presence import why_not
from maha_numpy.tiles import cancelled, make_symmetric

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.expressions import Expression
    from maha_core.problem import Problem

Array = Any

SMALL = 2**14
"""A block of so few entries is multiplied in float64: that costs less than the guard in float32."""

FEW_COLUMNS, MANY_COLUMNS = 32, 64
"""Direct differences of so few numbers, of embeddings of so many, are faster than products."""

WIDE = np.dtype(np.float64)

LARGEST = 2**17
"""The largest block: a megabyte of float64, which stays in the cache."""


class Side(NamedTuple):
    """Points W, both operands of D, and their products ``u_i . v_i``."""

    W: Array
    U: Array
    V: Array
    norms: Array


def is_one(backend: Backend, problem: Problem) -> bool:
    """Tell whether D is one block; for larger D, tiles in several threads are faster."""
    count = problem.n * problem.m
    if problem.options.tile_bytes is not None and count <= LARGEST:
        return 0 < count <= tiling.entries(problem, backend.tile_bytes)
    return 0 < count <= LARGEST


def sqdist(backend: Backend, problem: Problem, out: Array | None) -> Array:
    """Return D ``(n, m)``."""
    accurate, compiled = problem.options.accurate, problem.options.compiled
    # Each Python call takes time here; a cached function does not.
    directly = accurate and compiled and why_not() is None and _is_narrow(problem)
    D = _direct(problem) if directly else None
    if D is None and accurate:
        D = _at_once(backend, problem)
    if D is None:
        D = _guarded(backend, problem, accurate=accurate)
    if out is None:
        return D
    out[...] = D
    return out


def kernel_matrix(
    backend: Backend, problem: Problem, expression: Expression, out: Array | None
) -> Array:
    """Return an expression of D ``(n, m)``, computed in the memory of D."""
    D = distances.nonnegative(backend, sqdist(backend, problem, out), problem)
    (K,) = evaluate([expression], np, {"D": D}, over=("D",))
    if problem.Y is None:
        make_symmetric(K)
    if out is None or K is out:
        return K
    out[...] = K
    return out


def _direct(problem: Problem) -> Array | None:
    """Return D by direct differences, None if points may be too close for their embedding."""
    X, Y = problem.X, problem.Y
    form: Any = problem.form
    D = np.empty((problem.n, problem.m), X.dtype)
    rows, columns = _flat(X), None if Y is None else _flat(Y)
    if type(form) is EuclideanForm:
        _among(X.dtype)(rows, D) if columns is None else _between(X.dtype)(rows, columns, D)
        return D
    A = _flat(form.A)
    if columns is None:
        size = _embedded_among(X.dtype)(rows, A, D)
        D.reshape(-1)[:: problem.n + 1] = np.inf
    else:
        size = _embedded_between(X.dtype)(rows, columns, A, D)
    largest = guard.of_embedding(np, size, problem.d, WIDE, X.dtype)
    if not np.minimum.reduce(D, axis=None) >= 2 * largest:
        return None
    if columns is None:
        D.reshape(-1)[:: problem.n + 1] = 0
    return D


def _is_narrow(problem: Problem) -> bool:
    """Tell whether compiled direct differences are fastest."""
    few = problem.width <= FEW_COLUMNS and problem.d <= MANY_COLUMNS
    return few and type(problem.form) in (EuclideanForm, FactorForm)


_among, _between = cache(small.among_themselves.compiled), cache(small.between.compiled)
_embedded_among = cache(small.embedded_among_themselves.compiled)
_embedded_between = cache(small.embedded_between.compiled)


def _flat(U: Array) -> Array:
    """Return points in the layout for which the passes are compiled."""
    return U if U.flags.carray else np.array(U, order="C")


def _at_once(backend: Backend, problem: Problem) -> Array | None:
    """Return D of uncentred points, or None if an entry may suffer from cancellation."""
    rows, columns = _sides(backend, problem, None, accurate=True)
    D = _product(problem, rows, columns)
    form, width, dtype = problem.form, problem.width, D.dtype
    lowest = np.minimum.reduce(D, axis=None)
    for side in (rows,) if columns is rows else (rows, columns):
        largest = np.maximum.reduce(side.norms)
        if not lowest >= 2 * guard.ceiling(form, side.W, side.norms, largest, width, dtype):
            return None
    if columns is rows:
        D.reshape(-1)[:: problem.n + 1] = 0
    return D


def _guarded(backend: Backend, problem: Problem, *, accurate: bool) -> Array:
    """Return D of centred points, with cancelled entries recomputed."""
    rows, columns = _sides(backend, problem, backend.centre(problem.X), accurate=accurate)
    D = _product(problem, rows, columns)
    if accurate:
        _recompute(backend, problem, rows, columns, D)
    elif problem.form.nonnegative:
        np.clip(D, 0, np.inf, out=D)
    if columns is rows:
        D.reshape(-1)[:: problem.n + 1] = 0
    return D


def _sides(
    backend: Backend, problem: Problem, centre: Array | None, *, accurate: bool
) -> tuple[Side, Side]:
    small = accurate and problem.n * problem.m <= SMALL
    dtype = np.dtype(np.float64) if small else backend.product_dtype(problem)
    rows = _side(problem, problem.X.astype(dtype, copy=False), centre)
    if problem.Y is None:
        return rows, rows
    return rows, _side(problem, problem.Y.astype(dtype, copy=False), centre)


def _side(problem: Problem, points: Array, centre: Array | None) -> Side:
    W = points if centre is None else points - centre
    U = problem.form.operand(W)
    V = U if problem.form.nonnegative else problem.form.dual(U)
    return Side(W, U, V, formulas.dot(np, U, V))


def _product(problem: Problem, rows: Side, columns: Side) -> Array:
    """Return D from its product, infinite for self-pairs."""
    if columns is rows:
        D = formulas.symmetric_form_alone(rows.U, rows.V, rows.norms)
    else:
        D = formulas.symmetric_form(rows.U, columns.V, rows.norms, columns.norms)
    D = D.astype(problem.X.dtype, copy=False)
    if columns is rows:
        D.reshape(-1)[:: problem.n + 1] = np.inf
    return D


def _recompute(backend: Backend, problem: Problem, rows: Side, columns: Side, D: Array) -> None:
    sides = (rows,) if columns is rows else (rows, columns)
    form, width = problem.form, problem.width
    thresholds = [guard.thresholds(form, side.W, side.norms, width, D.dtype) for side in sides]
    flagged = cancelled(D, thresholds[0], thresholds[-1]).flagged
    if flagged is not None:
        review.recompute(backend, problem, D, flagged)
