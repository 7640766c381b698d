"""Tuples of points: pairs, triplets, quadruplets; each point is a row of X, and is held once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.learn.host import to_host

Array = Any

TUPLES = {2: "pairs", 3: "triplets", 4: "quadruplets"}
"""What tuples of each size are called, in arguments and messages."""


@dataclass(frozen=True)
class Tuples:
    """Points X (n, d) of any library, and the rows of X in each tuple, index (p, t) on the host."""

    X: Array
    index: NDArray[np.int64]

    def distinct_points(self) -> NDArray[np.float64]:
        """Return the points that are in any tuple, equal ones once, on the host."""
        (points,) = to_host(self.X)
        return np.unique(points[np.unique(self.index)].astype(np.float64), axis=0)

    def subset(self, kept: NDArray[np.bool_]) -> Tuples:
        """Return some of the tuples."""
        return Tuples(self.X, self.index[kept])
