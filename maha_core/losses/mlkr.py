"""Metric learning for kernel regression."""

from __future__ import annotations

from typing import Any

from maha_core.arrays import namespace
from maha_core.losses import softmax
from maha_core.losses.base import Evaluation, Loss, PointData, Summary, Tile

Array = Any


class MLKR(Loss):
    """The leave-one-out error of kernel regression: ``sum_i w_i (yhat_i - y_i)^2``.

    ``yhat_i = sum_j p_ij y_j`` with ``p_ij`` the softmax of ``-D_ij`` over j, self-pairs left out.

    Parameters
    ----------
    y : array (n,)
        Targets of X's points, of X's library; integers are taken as real numbers.
    y_Y : array (m,), optional
        Targets of Y's points; needed with Y.
    sample_weight : array (n,), optional
        Weights w of the rows' own terms; they do not change p.

    Notes
    -----
    ``dphi/dD_ij = 2 w_i (y_i - yhat_i) p_ij (y_j - yhat_i)``; Weinberger & Tesauro 2007, "Metric
    Learning for Kernel Regression". A row without a partner is a ValueError.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> value, gradient = mc.value_and_grad(mc.losses.MLKR(y), X, metric=mc.Factor(np.eye(1)))
    >>> round(float(value), 4)
    2.1942
    """

    by_expressions = True

    def __init__(
        self, y: Array, y_Y: Array | None = None, *, sample_weight: Array | None = None
    ) -> None:
        self.y = y
        self.y_Y = y_Y
        self.sample_weight = sample_weight

    def point_data(self) -> tuple[PointData, ...]:
        """Return the targets, and the weights where there are any."""
        targets = PointData("y", self.y, self.y_Y, columns_name="y_Y", translatable=True)
        if self.sample_weight is None:
            return (targets,)
        return targets, PointData("sample_weight", self.sample_weight)

    def summarise(self, tile: Tile) -> Summary:
        """Return shift, sum of weights and weighted sum of targets of the rows."""
        y = tile.column_data["y"]
        if tile.fused is not None:
            return tile.fused.softmax("D", "1", "y", y=y)
        return softmax.summarise(tile, y)

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Return the summary of two pieces of the same rows."""
        return softmax.merge(namespace(a[0]), a, b)

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return the rows' squared residuals and the cotangent."""
        assert summary is not None
        xp = tile.xp
        shift, total, weighted = summary
        y = tile.row_data["y"]
        fit = weighted / total
        residual = y - fit
        weight = tile.row_data.get("sample_weight", xp.ones_like(y))
        value = weight * residual * residual if tile.opens_row else xp.zeros_like(y)
        if tile.fused is not None:
            (cotangent,) = tile.fused.entries(
                f"pull * {softmax.WEIGHT} * (y - fit)",
                shift=softmax.finite(xp, shift),
                pull=2 * weight * residual / total,
                y=tile.column_data["y"],
                fit=fit,
            )
            return Evaluation(value, cotangent, own=True)
        kernel, factor = softmax.probabilities(tile, summary)
        pull = 2 * weight * residual * factor
        cotangent = softmax.outer_difference(xp, pull, tile.column_data["y"], fit)
        cotangent *= kernel
        return Evaluation(value, cotangent, own=True)
