"""Points that are held out of a fit, to see when to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.learn.data import Training, class_numbers
from maha_core.learn.streamed import Streamed, of_drawn
from maha_core.losses.base import Loss

Array = Any

MOST_ROWS = 2000
"""So many points held out are enough to see a loss change."""


def split(
    data: Training, share: float, rng: np.random.RandomState
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row numbers of points to learn from, and of a share to hold out, in order.

    The share is held out of each class, which keeps the proportions of the classes.

    Raises
    ------
    ValueError
        There is no point in the share, or less than two outside of it.
    """
    n = int(data.X.shape[0])
    numbers = np.zeros(n, dtype=np.int64) if data.classes is None else class_numbers(data)
    order = rng.permutation(n)
    order = order[np.argsort(numbers[order], kind="stable")]
    counts = np.bincount(numbers)
    place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    out = place < np.floor(share * counts)[numbers[order]]
    if not out.any() or n - out.sum() < 2:
        raise ValueError(
            f"validation_fraction={share} holds out {int(out.sum())} of {n} points; with so few "
            "points, write validation_fraction=None"
        )
    return np.sort(order[~out]), np.sort(order[out])


def validation(
    data: Training,
    loss_of: Callable[[Training], Loss],
    kept: NDArray[np.int64],
    out: NDArray[np.int64],
    n_references: int | None,
    rng: np.random.RandomState,
) -> Streamed:
    """Return the loss of points held out, each among those held out and those learned from.

    Of many points some are drawn, once: rows, and as many columns as the batches have.
    """
    rows = rng.permutation(out)[:MOST_ROWS]
    others = np.concatenate([np.setdiff1d(out, rows), kept])
    if n_references is not None:
        others = rng.permutation(others)[: max(n_references - len(rows), 1)]
    return of_drawn(loss_of(data), data.X, rows, others)
