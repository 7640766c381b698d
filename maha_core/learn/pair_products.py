"""Distances of listed pairs and their gradients, copied to the host for optimisers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.distance import sqdist
from maha_core.gradient import vjp
from maha_core.learn.host import is_lazy, like, to_host, whole
from maha_core.learn.tuples import Tuples
from maha_core.metrics import Factor, Full
from maha_core.options import options

Array = Any
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of X (n, d): numbers (p,) of X's library. X stays where it is."""

    X: Array
    i: Array
    j: Array

    @classmethod
    def of(cls, tuples: Tuples, a: int = 0, b: int = 1) -> Pairs:
        """Return the pairs of the points number a and b of every tuple."""
        return cls(
            tuples.X,
            whole(np.ascontiguousarray(tuples.index[:, a]), tuples.X),
            whole(np.ascontiguousarray(tuples.index[:, b]), tuples.X),
        )

    def __len__(self) -> int:
        return int(self.i.shape[0])

    def sqdist(self, A: Matrix) -> Matrix:
        """Return ``D_p = |A d_p|^2`` ``(p,)`` of the differences d_p."""
        metric = Factor(like(A, self.X))
        with self._checked_once():
            return self._host(sqdist(self.X, metric=metric, pairs=(self.i, self.j)))

    def pull(self, A: Matrix, G: Matrix) -> Matrix:
        """Return ``dphi/dA = 2 A sum_p G_p d_p d_p^T`` for the cotangents ``G = dphi/dD``."""
        return self._pulled(Factor(like(A, self.X)), G)

    def scatter(self, G: Matrix | None = None) -> Matrix:
        """Return ``sum_p G_p d_p d_p^T`` ``(d, d)``, the gradient of ``sum_p G_p D_p`` in M."""
        d = int(self.X.shape[1])
        weights = np.ones(len(self)) if G is None else G
        return self._pulled(Full(like(np.eye(d), self.X)), weights)

    def _pulled(self, metric: Factor | Full, G: Matrix) -> Matrix:
        pairs, cotangent = (self.i, self.j), like(G, self.X)
        with self._checked_once():
            return self._host(vjp(self.X, metric=metric, cotangent=cotangent, pairs=pairs).metric)

    def _checked_once(self) -> AbstractContextManager[Any]:
        """Skip the check for NaN, which `fit` has done unless X is lazy.

        An optimiser sees by the loss what becomes of A.
        """
        return nullcontext() if is_lazy(self.X) else options(check_finite=False)

    def _host(self, values: Array) -> Matrix:
        return np.asarray(to_host(values)[0], dtype=np.float64)
