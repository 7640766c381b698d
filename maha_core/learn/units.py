"""Standard deviations as units, so that the scale of columns and of targets does not matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import namespace
from maha_core.learn.data import Training
from maha_core.learn.host import like, to_host

Array = Any


@dataclass(frozen=True)
class Units:
    """The units of the columns ``(d,)`` and of the targets; 1 where all values are equal."""

    columns: NDArray[np.float64]
    targets: float

    @classmethod
    def of(cls, data: Training) -> Self:
        """Return the standard deviations of points and targets."""
        xp = namespace(data.X)
        y = xp.astype(data.y, data.X.dtype, copy=False)
        with np.errstate(all="ignore"):
            columns, targets = to_host(xp.std(data.X, axis=0), xp.std(y, axis=0))
        return cls(_positive(columns), float(_positive(targets)))

    def scaled(self, data: Training) -> Training:
        """Return points and targets in these units."""
        columns = like(self.columns, data.X)
        return replace(data, X=data.X / columns, y=data.y / self.targets)


def _positive(deviation: NDArray[Any]) -> NDArray[np.float64]:
    found = np.asarray(deviation, dtype=np.float64)
    return np.where((found > 0) & np.isfinite(found), found, 1.0)
