"""Large margin nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maha_core import validation
from maha_core.array_types import ArrayProtocol
from maha_core.arrays import describe, is_array
from maha_core.losses.base import Loss
from maha_core.losses.symbols import xp
from maha_core.reductions import ListedSum, PointData, Reduction

Array = Any


class LMNN(Loss):
    """LMNN loss: target neighbours should be near, points of other labels a margin farther away.

    ``sum_i w_i sum_{j in T_i} (mu D_ij + (1 - mu) sum_l [margin + D_ij - D_il]+)``, the last sum
    over the points l whose label differs from that of i.

    Parameters
    ----------
    labels : array of integers (n,)
        Classes of X's points, of X's library.
    targets : array of integers (n, k)
        Row numbers of every point's target neighbours, which stay fixed when the metric changes;
        `maha_core.target_neighbors` finds them, in the input space or in any metric.
    weight : float
        mu, from 0 to 1.
    margin : float
        In squared units of the metric.
    sample_weight : array (n,), optional
        Weights w of the rows' own terms.

    Raises
    ------
    TypeError
        Targets are not integers, or `weight` or `margin` is not a number.
    ValueError
        `weight` or `margin` is out of range, targets are not ``(n, k)``, or Y is given.

    Notes
    -----
    ``dphi/dD_ij = w_i (mu + (1 - mu) #(active l))`` for a target j and
    ``dphi/dD_il = -w_i (1 - mu) #(active j)`` for a point l of another label; Weinberger & Saul
    2009, "Distance Metric Learning for Large Margin Nearest Neighbor Classification". Triples
    (i, j, l) are counted tile by tile and never listed; there may be none.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, labels = np.array([[0.0], [2.0], [1.0], [9.0]]), np.array([0, 0, 1, 1])
    >>> loss = mc.losses.LMNN(labels, mc.target_neighbors(X, labels, k=1))
    >>> value, gradient = mc.value_and_grad(loss, X, metric=mc.Factor(np.eye(1)))
    >>> float(value)
    144.0
    """

    self_only = True

    def __init__(
        self,
        labels: ArrayProtocol,
        targets: ArrayProtocol,
        *,
        weight: float = 0.5,
        margin: float = 1.0,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        self.weight = validation.fraction(weight, "weight")
        self.margin = validation.positive(margin, "margin")
        backend = validation.backend_for(targets, "targets") if is_array(targets) else None
        if backend is None or targets.ndim != 2 or targets.shape[1] == 0:
            raise ValueError(
                "targets must be an array of row numbers (n, k) with k from 1, as "
                f"target_neighbors returns it; got {_shown(targets)}"
            )
        self.labels = labels
        self.targets = validation.whole_numbers(backend, targets, "targets", targets)
        self.sample_weight = sample_weight

    def point_data(self) -> tuple[PointData, ...]:
        """Return the labels."""
        return (PointData("labels", self.labels, kind="label"),)

    def pairs(self, n: int) -> tuple[None, Array]:
        """Return the targets of every point."""
        wanted = (n, int(self.targets.shape[1]))
        validation.check_shape(self.targets, wanted, "targets", f"X with {n} points")
        return None, self.targets

    def pair_term(self, item: Any, *D: Any) -> Any:
        """Return the weighted distances of a point's targets."""
        return self.weight * sum(D[1:], D[0])

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the sum of hinges of every row: how far other labels intrude into the margin."""
        margin = self.margin
        hinges = ListedSum(
            lambda D, T: xp.maximum(margin + T - D, 0),
            where=lambda a, b: a != b,
            data="labels",
            zero_from=lambda T: margin + T,
        )
        return {"push": hinges}

    def row_function(self, row: Any) -> Any:
        """Return the weighted sum of hinges."""
        return (1 - self.weight) * row.push


def _shown(targets: object) -> str:
    return describe(targets) if is_array(targets) else f"{targets!r:.80}"
