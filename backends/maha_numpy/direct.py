"""D of few coordinates by direct differences, written by whole rows.

The arithmetic takes less time than writing D does, and hardly an entry cancels. Both entries of a
pair are computed, because writing mirror images takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core import formulas, guard
from maha_core.guard import Flagged
from maha_core.metrics.euclidean import EuclideanForm
from maha_core.metrics.factor import FactorForm
from maha_core.tiles import tiling
from maha_numpy import review
from maha_numpy.compiled import differences
from maha_numpy.compiled.narrow import STRETCH, TOGETHER
from maha_numpy.compiled.passes import NO_SELF
from maha_numpy.kernels import compiles
from maha_numpy.tiles import highest

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any

WIDE = np.dtype(np.float64)

WIDEST = {"float32": 24, "float64": 16}
"""The most coordinates, by D's dtype: BLAS is faster with more."""

WIDEST_IN_FLOAT64 = 8
"""Up to so many coordinates, float64 costs little more, and hardly an entry of float32 cancels."""

ROWS_BYTES = 2**20
"""The rows that are written and examined together stay in the cache."""

ABOVE_MEDIAN = 4
"""A threshold is a part of the norm; few points have a part of more than so many medians."""

EMBEDDED = 2**16
"""The number of coordinates centred and embedded at a time."""


class Side(NamedTuple):
    """Points U ``(n, t)``, the guard's thresholds, and bounds of all cancelled entries ``(n,)``.

    Both are None where differences of U are as exact as those of the points.
    """

    U: Array
    threshold: Array | None = None
    bound: Array | None = None


def suit(problem: Problem, D: Array) -> bool:
    """Tell whether direct differences are compiled, and faster than a product."""
    few = problem.width <= WIDEST[D.dtype.name]
    embedded = isinstance(problem.form, EuclideanForm | FactorForm)
    return few and embedded and D.flags.carray and compiles(problem)


def write(backend: Backend, problem: Problem, D: Array) -> None:
    """Write all rows, then recompute the cancelled entries."""
    budget = min(ROWS_BYTES, problem.options.tile_bytes or ROWS_BYTES)
    row_bytes = (problem.m + problem.width) * D.itemsize
    parts = tiling.blocks(problem.n, max(TOGETHER, budget // row_bytes))
    embedding = Embedding(backend, problem)
    strips = [Rows(backend, embedding, part, D) for part in parts]
    for _ in backend.map_ordered(Rows.write, strips, problem.options):
        pass
    # Without Y an entry and its mirror image are in two rows, which must both be written before.
    suspects = [strip for strip in strips if strip.suspects is not None]
    for _ in backend.map_ordered(Rows.review, suspects, problem.options):
        pass


class Embedding:
    """Both sides of a problem, in the dtype of their differences.

    Points of the Euclidean metric are their own embedding. Others are centred and embedded in
    float64, then rounded.
    """

    def __init__(self, backend: Backend, problem: Problem) -> None:
        self.backend, self.problem = backend, problem
        few = problem.width <= WIDEST_IN_FLOAT64
        self.dtype = WIDE if few else problem.X.dtype
        self.is_exact = type(problem.form) is EuclideanForm
        self.centre = None if self.is_exact else backend.centre(problem.X).astype(WIDE)
        self.columns = self._embed(problem.others)
        self.coordinates = np.ascontiguousarray(self.columns.U.T)
        self.reach = self._reach()
        if problem.Y is None:
            self.columns = self._bounded(self.columns)

    def rows(self, part: slice) -> Side:
        """Return a block of the rows' side."""
        if self.problem.Y is not None:
            return self._bounded(self._embed(self.problem.X[part]))
        return Side(*(None if of_all is None else of_all[part] for of_all in self.columns))

    def _bounded(self, side: Side) -> Side:
        """Return points with their bounds."""
        if self.reach is None:
            return side
        threshold = side.threshold
        of_row = self.reach.of(np, _norms(side.U), threshold)
        return side._replace(bound=highest(threshold, self.columns.threshold, of_row))

    def _reach(self) -> guard.RowBound | None:
        """Return a bound for which a point far out does not make all other entries suspect."""
        U, threshold, _ = self.columns
        if threshold is None:
            return None
        norms = _norms(U)
        some = norms > 0
        with self.backend.quiet():
            parts = threshold[some] / norms[some]
            share = ABOVE_MEDIAN * float(np.median(parts)) if parts.size else 0.0
            share = min(share, guard.LARGEST_SHARE)
            return guard.RowBound(share, np.max(threshold - share * norms, initial=0.0))

    def _embed(self, raw: Array) -> Side:
        if self.is_exact:
            return Side(np.require(raw, self.dtype, ["C", "W", "A", "E"]))
        U, threshold = np.empty((len(raw), self.problem.width), self.dtype), np.empty(len(raw))
        for block in tiling.blocks(len(raw), max(1, EMBEDDED // self.problem.d)):
            U[block], threshold[block], _ = self._block(raw[block])
        return Side(U, threshold if self.problem.accurate else None)

    def _block(self, raw: Array) -> Side:
        form = self.problem.form
        W = raw - self.centre
        U = form.operand(W)
        return Side(U, guard.difference_thresholds(form, W, U, self.dtype, raw.dtype))


class Rows:
    """Some rows of D. What a review needs is kept only where there is one."""

    def __init__(self, backend: Backend, embedding: Embedding, rows: slice, D: Array) -> None:
        self.backend, self.embedding, self.problem = backend, embedding, embedding.problem
        self.rows, self.D = rows, D
        self.suspects: Suspects | None = None

    def write(self) -> None:
        """Write the rows, and find stretches with an entry below its row's bound."""
        embedding, D = self.embedding, self.D[self.rows]
        with self.backend.quiet():
            U, threshold, bound = embedding.rows(self.rows)
        stretches = 0 if threshold is None else -(-self.problem.m // STRETCH)
        least = np.empty((len(D), stretches), D.dtype)
        itself = self.rows.start if self.problem.Y is None else NO_SELF
        differences.write(U, embedding.coordinates, itself, D, least)
        if bound is not None and not (least >= bound[:, None]).all():
            self.suspects = Suspects(least, bound, threshold)

    def review(self) -> None:
        """Recompute cancelled entries; without Y, those above the diagonal and their mirrors."""
        assert self.suspects is not None
        least, bound, threshold = self.suspects
        first = self.rows.start // STRETCH if self.problem.Y is None else 0  # whole stretches
        start = first * STRETCH
        D, least = self.D[self.rows, start:], least[:, first:]
        others: Array = self.embedding.columns.threshold
        with self.backend.quiet():
            for flagged in review.cancelled(D, least, bound, threshold, others[start:], STRETCH):
                i, j = flagged.i + self.rows.start, flagged.j + start
                review.recompute(self.backend, self.problem, self.D, Flagged(i, j))


class Suspects(NamedTuple):
    """The smallest entry of each stretch ``(r, p)``, bounds and thresholds of the rows ``(r,)``."""

    least: Array
    bound: Array
    threshold: Array


def _norms(U: Array) -> Array:
    return formulas.dot(np, U, U).astype(WIDE, copy=False)
