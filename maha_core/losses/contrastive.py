"""Pairs of points that are alike, and pairs that are not."""

from __future__ import annotations

from typing import Any

from array_api_compat import is_dask_array

from maha_core.arrays import device_of, namespace
from maha_core.losses.base import Evaluation, Summary, Tile
from maha_core.losses.listed import ListedLoss, sorted_by_first

Array = Any


class Contrastive(ListedLoss):
    """Pull pairs that are alike near, push the others a margin apart.

    ``sum_p w_i s_p D_ij + (1 - s_p) [margin - sqrt(D_ij)]+^2`` over listed pairs p = (i, j).

    Parameters
    ----------
    i, j : array of integers (p,)
        Row numbers of X, and of Y (of X, without Y); in any order, repeats allowed. Beside Dask
        arrays these lists are of the chunks' library.
    same : array of integers or bool (p,)
        s: 1 for a pair that is alike, else 0.
    margin : float
        A distance, not squared.
    sample_weight : array (n,), optional
        Weights w of X's points: a pair counts for its i.

    Raises
    ------
    TypeError, ValueError
        The lists do not fit each other, `same` has another value than 0 and 1, or `margin` is not
        positive.

    Notes
    -----
    Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping". Its
    cost is linear in p. Points that coincide and should not have no direction to part in: the
    derivative is taken as 0 there.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [3.0], [3.5]])
    >>> i, j, same = np.array([0, 1]), np.array([1, 2]), np.array([1, 0])
    >>> value, gradient = mc.value_and_grad(mc.losses.Contrastive(i, j, same), X)
    >>> float(value), gradient.X.ravel().tolist()
    (9.25, [-6.0, 7.0, -1.0])
    """

    def __init__(
        self,
        i: Array,
        j: Array,
        same: Array,
        margin: float = 1.0,
        *,
        sample_weight: Array | None = None,
    ) -> None:
        super().__init__(margin, sample_weight)
        if is_dask_array(same):
            raise TypeError(
                "same is a Dask array, and tiles ask for parts of it; compute the lists"
            )
        self.i, self.j, same = sorted_by_first(i=i, j=j, same=same)
        xp = namespace(same)
        self.same = xp.astype(same, xp.int64)
        if not bool(xp.all((self.same == 0) | (self.same == 1))):
            raise ValueError("same must hold 1 for pairs that are alike and 0 for the others")

    def pairs(self, n: int) -> tuple[Array, Array]:
        """Return the pairs, i in ascending order."""
        return self.i, self.j

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return the pairs' terms and their derivatives."""
        assert tile.listed is not None
        xp, D = tile.xp, tile.listed.sqdist
        weight, same = self.row_weight(tile, tile.listed.i), self._same(tile)
        d = xp.sqrt(D)
        gap = xp.where(same | (d > self.margin), xp.zeros_like(d), self.margin - d)
        away = xp.where(d > 0, gap / xp.where(d > 0, d, xp.ones_like(d)), xp.zeros_like(d))
        value = weight * xp.where(same, D, gap * gap)
        slope = weight * xp.where(same, xp.ones_like(D), -away)
        return Evaluation(value, xp.zeros_like(tile.sqdist), slope)

    def _same(self, tile: Tile) -> Array:
        """Return which of the tile's listed pairs are alike."""
        assert tile.listed is not None
        xp, first = tile.xp, tile.rows.start
        row = xp.asarray([first], dtype=self.i.dtype, device=device_of(self.i))
        start = int(xp.searchsorted(self.i, row, side="left")[0])
        return self.same[start : start + tile.listed.i.shape[0]] == 1
