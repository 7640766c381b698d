"""The scale of a linear map with the least leave-one-out error of kernel regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core import losses
from maha_core.learn.data import Training
from maha_core.learn.host import computed
from maha_core.learn.streamed import Streamed, of_drawn

Array = Any
Matrix = NDArray[np.float64]

NORMS = np.geomspace(0.1, 40.0, 25)
"""Of columns of variance 1, the mean of D is twice the square of a map's norm."""

MOST_ROWS = 1000
"""So many rows, drawn, tell which norm errs least."""


def best_scale(
    data: Training,
    directions: list[Matrix],
    n_columns: int | None,
    rng: np.random.RandomState,
) -> tuple[Matrix, float]:
    """Return the multiple of one of the maps with the least error, and its loss of all points.

    Parameters
    ----------
    data : Training
        In units of the standard deviations.
    directions : list of array (k, d)
        Their norms have no meaning.
    n_columns : int or None
        How many points those drawn are compared with; None for all.
    """
    loss = of_some_rows(data, n_columns, rng)
    tried = [norm * A / np.linalg.norm(A) for A in directions if np.any(A) for norm in NORMS]
    if not tried:
        return directions[0], loss.value(directions[0])
    values = np.nan_to_num([loss.value(A) for A in tried], nan=np.inf)
    best = int(np.argmin(values))
    return tried[best], float(values[best])


def of_some_rows(data: Training, n_columns: int | None, rng: np.random.RandomState) -> Streamed:
    """Return the loss, of many points an estimate by rows that are drawn."""
    loss, n = losses.MLKR(data.y, sample_weight=data.sample_weight), int(data.X.shape[0])
    if n <= MOST_ROWS:
        return Streamed(loss, data.X)
    order = rng.permutation(n)[: n if n_columns is None else max(n_columns, MOST_ROWS)]
    drawn = of_drawn(loss, data.X, *np.split(order, [MOST_ROWS]))
    return Streamed(drawn.loss, *computed(drawn.X))
