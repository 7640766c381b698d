"""An estimate of a loss of all points from a random subset of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from maha_core.arrays import device_of, index_dtype, namespace
from maha_core.losses.base import Loss
from maha_core.reductions import PointData, Reduction

Array = Any


class DrawnLoss(Loss):
    """A loss of n points, estimated from drawn rows and columns of D.

    Parameters
    ----------
    loss : Loss
        The loss of all points.
    n : int
        The number of all points.
    index : array of integers (c,)
        The numbers of the points drawn. They are the columns.
    n_rows : int
        The number of rows: the first `n_rows` of the drawn points.
    dtype : dtype
        The dtype of the points.

    Notes
    -----
    Each row's term has the weight ``n / n_rows``. The reductions of a row are scaled from c - 1 to
    n - 1 columns, as `Reduction.of_share` says.
    """

    def __init__(self, loss: Loss, n: int, index: Array, n_rows: int, dtype: Any) -> None:
        self.loss = loss
        self.n = n
        self.index = index
        self.weighted_rows = n_rows
        self.self_only = loss.self_only
        self.sample_weight = self._weights(dtype)
        self._items = self._listed()

    def point_data(self) -> tuple[PointData, ...]:
        """Return the numbers of the points drawn."""
        return tuple(
            one._replace(rows=self._own(one.rows), columns=self._own(one.columns))
            for one in self.loss.point_data()
        )

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the loss's own."""
        return self.loss.reductions()

    def row_function(self, row: SimpleNamespace) -> Any:
        """Return the loss's own row function, applied to reductions scaled to all columns."""
        factor = (self.n - 1) / max(self.index.shape[0] - 1, 1)
        scaled = vars(row)
        if factor != 1.0:
            of = self.loss.reductions()
            scaled = scaled | {name: of[name].of_share(scaled[name], factor) for name in of}
        return self.loss.row_function(SimpleNamespace(**scaled))

    def pairs(self, n: int) -> tuple[Array | None, Array] | None:
        """Return the listed items of the rows drawn."""
        return None if self._items is None else self._items[:2]

    def pair_data(self) -> Mapping[str, Array]:
        """Return the numbers of those items."""
        if self._items is None:
            return {}
        chosen = self._items[2]
        return {name: taken(values, chosen) for name, values in self.loss.pair_data().items()}

    def pair_term(self, item: SimpleNamespace, *D: Any) -> Any:
        """Return the loss's own."""
        return self.loss.pair_term(item, *D)

    def _own(self, values: Array | None) -> Array | None:
        return None if values is None else taken(values, self.index)

    def _weights(self, dtype: Any) -> Array:
        """Return weights ``(c,)``: those of the rows, scaled to all rows, and 0 for the others."""
        xp, n_rows, index = namespace(self.index), self.weighted_rows, self.index
        device = device_of(index)
        assert n_rows is not None
        is_row = xp.arange(index.shape[0], device=device) < n_rows
        weights = xp.astype(is_row, dtype) * (self.n / n_rows)
        own = self._own(self.loss.sample_weight)
        if own is None:
            return weights
        weighted = weights * namespace(own).astype(own, dtype)
        return namespace(own).where(is_row, weighted, xp.zeros_like(weights))

    def _listed(self) -> tuple[Array, Array, Array] | None:
        """Return the indices of the items of the drawn rows, and the numbers of these items."""
        given = self.loss.pairs(self.n)
        if given is None:
            return None
        if self.index.shape[0] < self.n:
            raise ValueError(
                f"{type(self.loss).__name__} lists pairs, and listed points may not have been "
                "drawn: write n_references=None, so that all points are columns"
            )
        i, j = given
        xp, dtype = namespace(self.index), self.index.dtype
        position = xp.argsort(self.index)  # of every point among those drawn
        if i is None:
            i = xp.arange(self.n, dtype=dtype, device=device_of(self.index))
        rows = taken(position, i)
        order = xp.argsort(rows, stable=True)
        order = order[: int(xp.count_nonzero(rows < self.weighted_rows))]
        others = xp.reshape(taken(position, xp.reshape(taken(j, order), (-1,))), (-1, *j.shape[1:]))
        return taken(rows, order), others, order


def taken(values: Array, index: Array) -> Array:
    """Return rows of an array by their numbers."""
    return namespace(values).take(values, index, axis=0)


def numbers(found: list[int], X: Array) -> Array:
    """Return row numbers as an array in the library and on the device of X (or of its chunks)."""
    like = getattr(X, "_meta", X)
    xp = namespace(like)
    return xp.asarray(found, dtype=index_dtype(xp), device=device_of(like))
