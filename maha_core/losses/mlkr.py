"""Metric learning for kernel regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.losses.base import Loss
from maha_core.reductions import PointData, Reduction, SoftmaxMean


class MLKR(Loss):
    """The leave-one-out error of kernel regression: ``sum_i w_i (yhat_i - y_i)^2``.

    ``yhat_i = sum_j p_ij y_j`` with ``p_ij`` the softmax of ``-D_ij`` over j, self-pairs left out.

    Parameters
    ----------
    y : array (n,) or (n, w)
        Targets of X's points, in X's library; integers are cast to real numbers. For vectors, the
        squared errors of all components are added.
    y_Y : array (m,) or (m, w), optional
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

    def __init__(
        self,
        y: ArrayProtocol,
        y_Y: ArrayProtocol | None = None,
        *,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        self.y = y
        self.y_Y = y_Y
        self.sample_weight = sample_weight

    def point_data(self) -> tuple[PointData, ...]:
        """Return the targets."""
        return (
            PointData("y", self.y, self.y_Y, columns_name="y_Y", translatable=True, vectors=True),
        )

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the prediction of every row."""
        return {"fit": SoftmaxMean("y")}

    def row_function(self, row: Any) -> Any:
        """Return the squared residual."""
        return (row.y - row.fit) ** 2
