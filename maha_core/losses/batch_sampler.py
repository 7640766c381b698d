"""Mini-batches: random points, and an estimate from them of a loss of all points."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import isnan
from typing import Any, NamedTuple

from maha_core import validation
from maha_core.arrays import namespace
from maha_core.losses.base import Loss
from maha_core.losses.drawn import DrawnLoss, numbers, taken

Array = Any


class Batch(NamedTuple):
    """A mini-batch: drawn points, and a loss of them that estimates the loss of all points.

    Attributes
    ----------
    loss : Loss
        The estimate, for `value`, `value_and_grad` and `hvp` on the points drawn.
    X : array (c, d)
        The points drawn. The first of them are the rows.
    index : array of integers (c,)
        Their row numbers.
    n_rows : int
        The number of rows among them.
    """

    loss: Loss
    X: Array
    index: Array
    n_rows: int


class BatchSampler:
    """Draw mini-batches of a loss of D, for stochastic gradient methods.

    A batch has `batch_size` rows of D, and all columns or `n_references` of them. One iteration
    over the sampler is one epoch: every point is a row once, in a new random order.

    Parameters
    ----------
    loss : Loss
        The loss of all points; one of `maha_core.losses`, or your own.
    X : array (n, d)
        The points.
    batch_size : int
        The largest number of rows of a batch; batches have nearly equal sizes.
    n_references : int, optional
        The number of points that the rows are compared with, including the rows: from `batch_size`
        to n, and at least 2. All points if not given.
    seed : int, optional
        The seed of the random numbers, for reproducible batches.

    Raises
    ------
    TypeError, ValueError
        `loss` is not a loss, X is not an array of points, or a size is out of range; ValueError for
        `n_references` less than n where the loss has listed pairs.

    Notes
    -----
    Rows are drawn without replacement, each with the weight n / rows. With all columns, the value
    and the gradient of a batch are therefore unbiased: their expectations are the value and the
    gradient of the loss of all points. With `n_references` columns they are also unbiased if the
    row function is linear in sums, as in `Pairwise`. If it is not, as with the softmax of `MLKR`
    and `NCA`, the bias falls as 1 / `n_references`; the batch then has the loss of a random subset
    of the points.

    A batch takes time O(rows columns k), and memory for the points drawn.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> rng = np.random.default_rng(0)
    >>> X, labels = rng.normal(size=(60, 3)), np.repeat([0, 1], 30)
    >>> X[30:, 0] += 2
    >>> A = np.eye(3)
    >>> sampler = mc.losses.BatchSampler(mc.losses.NCA(labels), X, batch_size=20, seed=0)
    >>> for batch in sampler:
    ...     value, gradient = mc.value_and_grad(batch.loss, batch.X, metric=mc.Factor(A))
    ...     A -= 0.01 * gradient.metric
    >>> len(sampler), batch.n_rows, batch.X.shape
    (3, 20, (60, 3))
    """

    def __init__(
        self,
        loss: Loss,
        X: Array,
        *,
        batch_size: int,
        n_references: int | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(loss, Loss):
            raise TypeError(f"loss must be a maha_core.losses.Loss; got {type(loss).__name__}")
        backend = validation.backend_of_numbers(X, "X")
        self.X = validation.points(backend, X, "X")
        validation.check_points(self.X, "X")
        if isnan(X.shape[0]):
            raise ValueError(
                "X has chunks of unknown size; write X = X.compute_chunk_sizes() first"
            )
        self.loss = loss
        self.n = int(X.shape[0])
        why = f"X has {self.n} points"
        self.batch_size = validation.count(batch_size, "batch_size", self.n, why)
        self.n_references = self.n
        if n_references is not None:
            self.n_references = validation.count(n_references, "n_references", self.n, why)
        if self.n_references < max(self.batch_size, 2):
            raise ValueError(
                f"n_references={self.n_references} is less than {max(self.batch_size, 2)}; the "
                f"{self.batch_size} rows of a batch are among the points that they are compared "
                "with, and each needs another"
            )
        self._random = random.Random(seed)  # noqa: S311

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        order = numbers(self._random.sample(range(self.n), self.n), self.X)
        for number in range(len(self)):
            start, stop = (self.n * k // len(self) for k in (number, number + 1))
            yield self._batch(order, start, stop)

    def _batch(self, order: Array, start: int, stop: int) -> Batch:
        """Return a batch: its rows are part of the order, and the next points are columns."""
        xp, end = namespace(order), start + self.n_references
        others = xp.concat([order[stop : min(end, self.n)], order[: max(end - self.n, 0)]])
        # Sorted as in X: memory is read in order, and points of one class stay adjacent.
        index = xp.concat([xp.sort(order[start:stop]), xp.sort(others)])
        loss = DrawnLoss(self.loss, self.n, index, stop - start, self.X.dtype)
        return Batch(loss, taken(self.X, index), index, stop - start)
