"""Mini-batches: points drawn, and an estimate of a loss of all points from each of the draws."""

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
    """Points drawn, and a loss of them that estimates the loss of all points.

    Attributes
    ----------
    loss : Loss
        The estimate, for `value`, `value_and_grad` and `hvp` on the points drawn.
    X : array (c, d)
        The points drawn. The first of them are the rows.
    index : array of integers (c,)
        Their row numbers.
    n_rows : int
        How many of them are rows.
    """

    loss: Loss
    X: Array
    index: Array
    n_rows: int


class BatchSampler:
    """Draw mini-batches of a loss of D, as stochastic gradient methods need them.

    A batch has `batch_size` rows of D, and all columns or `n_references` of them. Iterating is one
    epoch: every point is a row once, in an order that is drawn anew.

    Parameters
    ----------
    loss : Loss
        The loss of all points; one of `maha_core.losses`, or your own.
    X : array (n, d)
        The points.
    batch_size : int
        How many rows a batch has, at most; batches are as even as can be.
    n_references : int, optional
        How many points the rows are compared with, the rows themselves among them: from
        `batch_size` to n, and at least 2. All points if not given.
    seed : int, optional
        Draws the same batches again.

    Raises
    ------
    TypeError, ValueError
        `loss` is no loss, X is no array of points, or a size is out of its range; ValueError for
        `n_references` less than n where the loss lists pairs.

    Notes
    -----
    Rows are drawn without repetition, each with the weight n / rows. So with all columns the value
    and the gradient of a batch are unbiased: their expectations are those of the loss of all
    points. With `n_references` of the columns they are unbiased, too, where the row function is
    linear in sums, as in `Pairwise`. Where it is not, as of a softmax in `MLKR` and `NCA`, the bias
    falls as 1 / `n_references`; such a loss is in effect one of a random subset of the points.

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
        """Return how many batches an epoch has."""
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        order = numbers(self._random.sample(range(self.n), self.n), self.X)
        for number in range(len(self)):
            start, stop = (self.n * k // len(self) for k in (number, number + 1))
            yield self._batch(order, start, stop)

    def _batch(self, order: Array, start: int, stop: int) -> Batch:
        """Return the batch whose rows are some of the order; those that follow are columns."""
        xp, end = namespace(order), start + self.n_references
        others = xp.concat([order[stop : min(end, self.n)], order[: max(end - self.n, 0)]])
        # In the order of X: memory is read forwards, and classes that lie together stay so.
        index = xp.concat([xp.sort(order[start:stop]), xp.sort(others)])
        loss = DrawnLoss(self.loss, self.n, index, stop - start, self.X.dtype)
        return Batch(loss, taken(self.X, index), index, stop - start)
