"""The learned distance of two points, as a function for other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.learn.data import numbers_on_host


class PointDistance:
    """The distance ``|A (u - v)|`` of two points ``(d,)``, or its square, in float64."""

    def __init__(self, A: NDArray[Any], squared: bool = False) -> None:
        self.A = A
        self.squared = squared

    def __call__(self, u: NDArray[Any], v: NDArray[Any], squared: bool | None = None) -> float:
        """Return the distance of two points ``(d,)``, or its square; None is as it was made."""
        squared = self.squared if squared is None else squared
        # BLAS might take threads for a product, and would then round otherwise.
        z = np.einsum("kd,d->k", self.A, self._point(u, "u") - self._point(v, "v"))
        square = float(np.sum(z * z))
        return square if squared else float(np.sqrt(square))

    def _point(self, values: NDArray[Any], argument: str) -> NDArray[np.float64]:
        numbers = numbers_on_host(values, argument)
        point = np.asarray(numbers, dtype=np.float64)  # differences of small integers would wrap
        if point.shape != self.A.shape[1:]:
            raise ValueError(
                f"{argument} has shape {point.shape}; the learned distance is one of two points "
                f"of shape {self.A.shape[1:]}: of many pairs, write pair_distance(pairs)"
            )
        return point
