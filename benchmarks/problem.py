"""The arrays of a case, the same for every contestant."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from benchmarks.case import Case

SEED = 0


class Problem:
    """Ordinary normal data; A is scaled so that distances are of order 1 and no exp is trivial."""

    def __init__(self, case: Case) -> None:
        self.case = case
        rng = np.random.default_rng(SEED)
        self.X = rng.normal(size=(case.n, case.d)).astype(case.dtype)
        self.A = (rng.normal(size=(case.k, case.d)) / np.sqrt(case.k * case.d)).astype(case.dtype)
        self.y = rng.normal(size=case.n).astype(case.dtype)

    @cached_property
    def Z(self) -> np.ndarray:
        return self.X @ self.A.T

    @cached_property
    def cotangent(self) -> np.ndarray:
        shape = (self.case.n, self.case.n)
        rng = np.random.default_rng(SEED)
        return rng.standard_normal(shape, dtype=np.float32).astype(self.case.dtype, copy=False)

    @cached_property
    def out(self) -> np.ndarray:
        """An output whose pages have been touched already."""
        return np.zeros((self.case.n, self.case.n), self.case.dtype) + 1
