"""All points within a distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import validation
from maha_core.call import prepare
from maha_core.sweeps.within import PointsWithin

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT
    from maha_core.metrics import Metric
    from maha_core.problem import Within

Array = Any


def within(
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    radius: float,
    metric: Metric | None = None,
    sort: bool = False,
) -> Within[ArrayT]:
    """Return all points within a distance of every row of X, without storing D.

    Parameters
    ----------
    X, Y, metric
        As in `sqdist`, but not Dask arrays. Without Y, a point does not find itself (pairs with
        i = j are left out; duplicates of a point are not).
    radius : float
        The distance, finite and not negative. A pair is returned if ``D_ij <= radius ** 2``, where
        the square is rounded to X's dtype. Negative entries of D, which an indefinite metric can
        give, are returned, too.
    sort : bool
        If True, the points of each row are sorted by distance, ties by index; else by index.

    Returns
    -------
    Within
        ``indptr (n + 1,)``, ``index (p,)`` and ``sqdist (p,)``, the rows one after the other.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; also ValueError where the radius is negative, NaN or infinite, and TypeError
        for Dask arrays, because the size of the result is not known in advance.

    Notes
    -----
    Time O(n m d); memory for the points, the result and one tile per thread. Where rounding of the
    matrix product might move a pair across the radius, the pair is decided by its raw differences
    (unless ``options(precision="fast")``). All squared distances are computed in this way, too.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> found = mc.within(np.array([[0.0], [1.0], [3.0]]), radius=2)
    >>> found.indptr.tolist(), found.index.tolist(), found.sqdist.tolist()
    ([0, 1, 3, 4], [1, 0, 2, 1], [1.0, 1.0, 4.0, 4.0])
    """
    radius = validation.not_negative(radius, "radius")
    if not isinstance(sort, bool):
        raise TypeError(f"sort must be True or False; got {sort!r}")
    call = prepare(X, Y, metric)
    return call.backend.run(call.problem, PointsWithin(radius, sort))
