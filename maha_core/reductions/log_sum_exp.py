"""Logarithms of sums of exponentials over each row of D."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.reductions.base import Pieces
from maha_core.reductions.softmax import Softmax
from maha_core.tiles.arithmetic import finite

Array = Any


class LogSumExp(Softmax):
    """``s_i = log sum_j exp(e_ij)`` of every row, without overflow or underflow.

    Parameters
    ----------
    e : Kernel or callable, optional
        A kernel, or a function ``f(D)`` of one squared distance, with `data` ``f(D, a, b)``; -D if
        not given. Pairs with ``e_ij = -inf`` are left out.
    data : array (n,), optional
        A number per point of X.
    data_Y : array (m,), optional
        A number per point of Y; needed with `data` and Y.

    Raises
    ------
    TypeError
        e cannot be called or, at the first use, traced. The message names the line that is the
        reason.
    ValueError
        `data_Y` without `data`.

    Notes
    -----
    ``d s_i / d D_ij = p_ij e'_ij`` with p the softmax of e. A row without any pair has
    ``s_i = -inf`` and a derivative of 0.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.reduce(mc.reductions.LogSumExp(), np.array([[0.0], [1.0]])).round(4)
    array([0.3133, 0.3133])
    """

    def __init__(
        self,
        e: Callable[..., Any] | None = None,
        *,
        data: ArrayProtocol | str | None = None,
        data_Y: ArrayProtocol | None = None,
    ) -> None:
        super().__init__(e, None, data, data_Y)

    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return ``log total - shift (r, 1)``, -inf where the total is 0."""
        shift, total = pieces
        some = total > 0
        found = xp.log(xp.where(some, total, xp.ones_like(total))) - finite(xp, shift)
        return xp.where(some | xp.isnan(total), found, xp.full_like(found, float("-inf")))

    def of_share(self, reduced: Any, factor: float) -> Any:
        """Return the logarithm of a sum that is `factor` times as large."""
        return reduced + log(factor)

    def mean(self, pieces: Pieces) -> None:
        """Return None: nothing is subtracted."""
