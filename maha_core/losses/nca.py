"""Neighbourhood components analysis."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.losses.base import Loss
from maha_core.losses.symbols import xp
from maha_core.reductions import LogSumExp, PointData, Reduction, SoftmaxMean


class NCA(Loss):
    """Minus the expected number of correct leave-one-out votes: ``-sum_i w_i p_i``.

    ``p_i = sum_j m_ij p_ij`` with ``p_ij`` the softmax of ``-D_ij`` over j, self-pairs left out,
    and ``m_ij = 1`` where i and j have the same label, else 0. With ``log=True`` it is minus the
    log-likelihood that all votes are correct, ``-sum_i w_i log p_i``.

    Parameters
    ----------
    labels : array of integers (n,)
        Classes of X's points, of X's library.
    labels_Y : array of integers (m,), optional
        Classes of Y's points; needed with Y.
    log : bool
        Whether to take logarithms, which are computed without underflow at any distances.
    sample_weight : array (n,), optional
        Weights w of the rows' own terms; they do not change p.

    Notes
    -----
    ``dphi/dD_ij = w_i p_ij (m_ij - p_i)``, divided by ``p_i`` in the log form; Goldberger, Roweis,
    Hinton & Salakhutdinov 2004, "Neighbourhood Components Analysis". Without `log` it is minus the
    objective of scikit-learn's NeighborhoodComponentsAnalysis. A point without a partner of its
    class adds 0 to either form, and no metric can change that. A row without any partner is a
    ValueError.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, labels = np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1])
    >>> value, gradient = mc.value_and_grad(mc.losses.NCA(labels), X, metric=mc.Factor(np.eye(1)))
    >>> round(float(value), 4)
    -1.9522
    """

    def __init__(
        self,
        labels: ArrayProtocol,
        labels_Y: ArrayProtocol | None = None,
        *,
        log: bool = False,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        self.labels = labels
        self.labels_Y = labels_Y
        self.log = bool(log)
        self.sample_weight = sample_weight

    def point_data(self) -> tuple[PointData, ...]:
        """Return the labels."""
        return (PointData("labels", self.labels, self.labels_Y, "label", "labels_Y"),)

    def reductions(self) -> Mapping[str, Reduction]:
        """Return p, the softmax weight of the own class, or its two log-sum-exps for `log`."""
        if not self.log:
            return {"p": SoftmaxMean(lambda a, b: a == b, data="labels")}
        own = LogSumExp(lambda D, a, b: xp.where(a == b, -D, -inf), data="labels")
        return {"everybody": LogSumExp(), "own": own}

    def row_function(self, row: Any) -> Any:
        """Return ``-p`` or ``-log p``; 0 where no other point has the same label."""
        if not self.log:
            return -row.p
        return xp.where(row.own == -inf, 0.0, row.everybody - row.own)
