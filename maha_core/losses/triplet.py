"""The triplet loss: an anchor should be nearer to its positive than to its negative."""

from __future__ import annotations

from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.arrays import namespace
from maha_core.losses.listed import ListedLoss, sorted_by_first
from maha_core.losses.symbols import xp

Array = Any


class Triplet(ListedLoss):
    """Triplet loss: anchors should be nearer to their positives than negatives, by a margin.

    ``sum_t w_a [margin + D_ap - D_an]+`` over listed triples t = (a, p, n).

    Parameters
    ----------
    anchor, positive, negative : array of integers (t,)
        Row numbers: anchors of X, the others of Y (of X, without Y); in any order.
    margin : float
        In squared units of the metric.
    sample_weight : array (n,), optional
        Weights w of X's points; a triple has the weight of its anchor.

    Raises
    ------
    TypeError, ValueError
        The lists are not integers of one length and library, or `margin` is not positive and
        finite.

    Notes
    -----
    Schroff, Kalenichenko & Philbin 2015, "FaceNet: A Unified Embedding for Face Recognition and
    Clustering". Its cost is linear in the number of triples.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [2.0], [1.0]])
    >>> lists = np.array([0]), np.array([1]), np.array([2])
    >>> value, gradient = mc.value_and_grad(mc.losses.Triplet(*lists), X)
    >>> float(value), gradient.X.ravel().tolist()
    (4.0, [-2.0, 4.0, -2.0])
    """

    def __init__(
        self,
        anchor: ArrayProtocol,
        positive: ArrayProtocol,
        negative: ArrayProtocol,
        margin: float = 1.0,
        *,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        super().__init__(margin, sample_weight)
        self.anchor, self.positive, self.negative = sorted_by_first(
            anchor=anchor, positive=positive, negative=negative
        )

    def pairs(self, n: int) -> tuple[Array, Array]:
        """Return each anchor with its positive and its negative."""
        both = namespace(self.anchor).stack([self.positive, self.negative], axis=1)
        return self.anchor, both

    def pair_term(self, item: Any, *D: Any) -> Any:
        """Return the hinge of the margin: ``[margin + D_ap - D_an]+``."""
        positive, negative = D
        return xp.maximum(self.margin + positive - negative, 0)
