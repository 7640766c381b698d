"""The nearest points of every point, in its own class and in the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maha_core.arrays import namespace
from maha_core.distance import nearest
from maha_core.learn.host import to_host, whole

Array = Any
Index = NDArray[np.int64]


class Near(NamedTuple):
    """Rows of the points of a class (c,), and of the points near each: (c, g) and (c, h)."""

    rows: Index
    own: Index
    others: Index


def class_neighbors(X: Array, groups: list[Index], k_own: int, k_others: int) -> Iterator[Near]:
    """Yield the nearest points of each class that has two points or more.

    Parameters
    ----------
    X : array (n, d)
        Of any library.
    groups : list of arrays of integers
        Rows of the points of each class, on the host.
    k_own, k_others : int
        How many points of the own class and of others; all, where there are fewer.
    """
    for c, rows in enumerate(groups):
        if len(rows) < 2:
            continue
        elsewhere = np.sort(np.concatenate([*groups[:c], *groups[c + 1 :]]))
        points, others = (
            namespace(X).take(X, whole(each, X), axis=0) for each in (rows, elsewhere)
        )
        own, far = to_host(
            nearest(points, k=min(k_own, len(rows) - 1)).index,
            nearest(points, others, k=min(k_others, len(elsewhere))).index,
        )
        yield Near(rows, rows[own], elsewhere[far])
