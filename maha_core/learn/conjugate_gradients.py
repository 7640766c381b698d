"""Preconditioned conjugate gradients for several right sides that share each product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import device_of, namespace
from maha_core.learn.host import like, to_host
from maha_core.options import current, options
from maha_core.progress import shown
from maha_core.validation import backend_for

Array = Any
Numbers = NDArray[np.float64]
Map = Callable[[Array], Array]

WORTHWHILE = 0.5
"""Conjugate gradients start anew only while that makes the true residual so many times as small."""


@dataclass(frozen=True)
class Solved:
    """A solution ``(n, c)``, its residual and the iterations that it took.

    The residual is the largest ``|b - A x| / |b|`` of a column, from a product of its own. `steps`
    and `ratios` ``(k, c)`` are the coefficients of the iterations before any new start, 0 where a
    column was done: `maha_core.learn.lanczos` makes Lanczos' matrix of them.
    """

    solution: Array
    residual: float
    n_iter: int
    steps: Numbers | None = None
    ratios: Numbers | None = None


def conjugate_gradients(
    product: Map,
    B: Array,
    *,
    precondition: Map,
    start: Array | None,
    tol: float,
    max_iter: int,
) -> Solved:
    """Solve ``A X = B`` ``(n, c)`` for a positive definite A that is known by its products.

    Parameters
    ----------
    product : callable
        ``A P`` for P ``(n, c)``: one call an iteration for all columns.
    B : array (n, c)
        The right sides.
    precondition : callable
        ``P^-1 R`` for a matrix P near A, or R itself.
    start : array (n, c) or None
        Where to start; 0 if None.
    tol : float
        Where to stop: the relative residual of every column.
    max_iter : int
        Most iterations.

    Returns
    -------
    Solved

    Notes
    -----
    Hestenes & Stiefel 1952, "Methods of conjugate gradients for solving linear systems". By
    rounding the residual of the recurrence drifts from the true one. So the true one is computed at
    the end, and where it is too large the iteration restarts from the solution so far. Hence the
    products within an iteration are taken with ``precision="fast"``, and only those of true
    residuals are guarded: under a metric of nearly low rank, where many points are close, this is 2
    to 4 times as fast.
    """
    with np.errstate(under="ignore"):
        search = _Search(product, precondition, B, tol)
        solution = B * 0 if start is None else start
        residual = B if start is None else B - product(start)
        before, n_iter = np.inf, 0
        worst = search.relative(residual)
        while tol < worst < WORTHWHILE * before and n_iter < max_iter:
            solution, steps = search.run(solution, residual, max_iter - n_iter)
            residual = B - product(solution)
            before, worst, n_iter = worst, search.relative(residual), n_iter + steps
        return Solved(solution, worst, n_iter, *(search.coefficients or (None, None)))


class _Search:
    """The iteration; each column stops when it has converged."""

    def __init__(self, product: Map, precondition: Map, B: Array, tol: float) -> None:
        self.product = product
        self.precondition = precondition
        self.xp = namespace(B)
        self.wide = backend_for(B, "B").widest_float(device_of(B))
        self.norms = np.sqrt(self._sums(B, B))
        self.tol = tol
        self.coefficients: tuple[Numbers, Numbers] | None = None

    def relative(self, R: Array) -> float:
        """Return the largest relative residual of a column."""
        return float(np.max(self._residuals(R), initial=0.0))

    def run(self, X: Array, R: Array, max_iter: int) -> tuple[Array, int]:
        """Return the best solution on the way, and the iterations made.

        The last one is not always the best: where A is singular the iterates may diverge from the
        solution again.
        """
        Z = self.precondition(R)
        P, slope = Z, self._sums(R, Z)
        residuals, best, lengths, ratios = self._residuals(R), X, [], []
        active, lowest = residuals > self.tol, residuals.max(initial=0.0)
        chosen = current()
        # Entries that the guard would recompute are left to the residual, which `run` is told.
        precision = "fast" if chosen.accurate else chosen.precision
        with options(progress=False, precision=precision):
            for _ in shown(iter(range(max_iter)), max_iter, chosen.progress):
                if not active.any():
                    break
                Q = self.product(P)
                curvature = self._sums(P, Q)
                active &= (curvature > 0) & (slope > 0)  # no further where A is not definite
                lengths.append(_ratio(slope, curvature, active))
                step = like(lengths[-1], X)
                X, R = X + step * P, R - step * Q
                residuals = self._residuals(R)
                active &= residuals > self.tol
                if residuals.max(initial=0.0) <= lowest:
                    best, lowest = X, residuals.max(initial=0.0)
                Z = self.precondition(R)
                slope, before = self._sums(R, Z), slope
                ratios.append(_ratio(slope, before, active))
                P = like(active.astype(np.float64), X) * Z + like(ratios[-1], X) * P
        if self.coefficients is None and lengths:
            self.coefficients = np.array(lengths), np.array(ratios)
        return best, len(lengths)

    def _residuals(self, R: Array) -> Numbers:
        """Return the relative residual of every column."""
        return np.sqrt(self._sums(R, R)) / np.where(self.norms > 0, self.norms, 1.0)

    def _sums(self, A: Array, B: Array) -> Numbers:
        """Return the products of columns ``(c,)``, added up in the widest float."""
        (sums,) = to_host(self.xp.sum(A * B, axis=0, dtype=self.wide))
        return np.asarray(sums, dtype=np.float64)


def _ratio(numerator: Numbers, denominator: Numbers, active: NDArray[np.bool_]) -> Numbers:
    """Return quotients, and 0 for columns that are done."""
    return np.where(active, numerator, 0.0) / np.where(active, denominator, 1.0)
