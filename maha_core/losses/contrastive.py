"""The contrastive loss of similar and dissimilar pairs of points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from array_api_compat import is_dask_array

from maha_core import validation
from maha_core.array_types import ArrayProtocol
from maha_core.arrays import index_dtype, namespace
from maha_core.losses.listed import ListedLoss, sorted_by_first
from maha_core.losses.symbols import xp

Array = Any


class Contrastive(ListedLoss):
    """Contrastive loss: similar pairs should be near, dissimilar pairs a margin apart.

    ``sum_p w_i s_p D_ij + (1 - s_p) [margin - sqrt(D_ij)]+^2`` over listed pairs p = (i, j).

    Parameters
    ----------
    i, j : array of integers (p,)
        Row numbers of X, and of Y (of X, without Y); in any order, repeats allowed. With Dask
        points, these arrays are of the chunks' library.
    same : array of integers or bool (p,)
        s: 1 for a similar pair, else 0.
    margin : float
        A distance, not squared.
    sample_weight : array (n,), optional
        Weights w of X's points; a pair has the weight of its i.

    Raises
    ------
    TypeError, ValueError
        The lists are not integers of one length and library, `same` has a value other than 0 and 1,
        or `margin` is not positive and finite.

    Notes
    -----
    Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping". Its
    cost is linear in p. For a dissimilar pair of coincident points the derivative is taken as 0,
    because no direction is distinguished.

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
        i: ArrayProtocol,
        j: ArrayProtocol,
        same: ArrayProtocol,
        margin: float = 1.0,
        *,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        super().__init__(margin, sample_weight)
        if is_dask_array(same):
            raise TypeError(
                "same is a Dask array, and tiles ask for parts of it; compute the lists"
            )
        self.i, self.j, same = sorted_by_first(i=i, j=j, same=same)
        library = namespace(same)
        self.same = library.astype(same, index_dtype(library))
        validation.backend_for(same, "same").expect(
            lambda: library.all((self.same == 0) | (self.same == 1)), _refuse_same, same
        )

    def pairs(self, n: int) -> tuple[Array, Array]:
        """Return the pairs, i in ascending order."""
        return self.i, self.j

    def pair_data(self) -> Mapping[str, Array]:
        """Return which pairs are similar."""
        return {"same": self.same}

    def pair_term(self, item: Any, *D: Any) -> Any:
        """Return D for a similar pair, else ``[margin - sqrt(D)]+^2``."""
        (near,) = D
        gap = xp.maximum(self.margin - xp.sqrt(near), 0)
        return xp.where(item.same == 1, near, gap**2)


def _refuse_same() -> None:
    raise ValueError("same must hold 1 for pairs that are alike and 0 for the others")
