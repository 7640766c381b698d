"""The arrays of a case, the same for every contestant."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from benchmarks.case import Case
from benchmarks.cases import WITHIN

SEED = 0
VECTORS = 32


class Problem:
    """Ordinary normal data; A is scaled so that distances are of order 1 and no exp is trivial."""

    def __init__(self, case: Case) -> None:
        self.case = case
        rng = np.random.default_rng(SEED)
        self.X = rng.normal(size=(case.n, case.d)).astype(case.dtype)
        self.A = (rng.normal(size=(case.k, case.d)) / np.sqrt(case.k * case.d)).astype(case.dtype)
        self.y = rng.normal(size=case.n).astype(case.dtype)

    @cached_property
    def Y(self) -> np.ndarray:
        """Other points: m, or as many as there are of X."""
        rng = np.random.default_rng(SEED + 1)
        shape = (self.case.m or self.case.n, self.case.d)
        return rng.normal(size=shape).astype(self.case.dtype)

    @cached_property
    def radius(self) -> float:
        """The radius within which `WITHIN` of Y are on average: ``D / 2`` is chi-squared."""
        from scipy.stats import chi2

        return float(np.sqrt(2 * chi2.ppf(WITHIN / self.case.m, self.case.d)))

    @cached_property
    def Z(self) -> np.ndarray:
        return self.X @ self.A.T

    @cached_property
    def cotangent(self) -> np.ndarray:
        shape = (self.case.n, self.case.n)
        rng = np.random.default_rng(SEED)
        return rng.standard_normal(shape, dtype=np.float32).astype(self.case.dtype, copy=False)

    @cached_property
    def B(self) -> np.ndarray:
        """Vectors, as columns, that a matrix is multiplied with."""
        rng = np.random.default_rng(SEED)
        return rng.normal(size=(self.case.n, VECTORS)).astype(self.case.dtype)

    @cached_property
    def out(self) -> np.ndarray:
        """An output whose pages have been touched already."""
        return np.zeros((self.case.n, self.case.n), self.case.dtype) + 1
