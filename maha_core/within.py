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
    """Return all points within a distance of every row, without ever holding D.

    Parameters
    ----------
    X, Y, metric
        As in `sqdist`, but no Dask arrays. Without Y a point is not found by itself, by its index.
    radius : float
        The distance, finite and not negative: found is where ``D_ij <= radius ** 2``, which is
        rounded to X's dtype. An entry of D that an indefinite metric makes negative is found, too.
    sort : bool
        Whether the points of a row come by distance, ties by index; else they come by index.

    Returns
    -------
    Within
        ``indptr (n + 1,)``, ``index (p,)`` and ``sqdist (p,)``, the rows one after the other.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; also ValueError where the radius is negative, NaN or infinite, and TypeError
        for Dask arrays, which would not know how large the result is.

    Notes
    -----
    Time O(n m d), memory that of the points and of the result, and a tile per thread. Pairs that
    the product's rounding might move across the radius are decided by their raw differences
    (unless ``options(precision="fast")``), and so are all squared distances.

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
