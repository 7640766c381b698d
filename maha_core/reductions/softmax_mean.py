"""Means over each row of D, weighted by a softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.reductions.base import Pieces
from maha_core.reductions.softmax import Softmax

Array = Any


class SoftmaxMean(Softmax):
    """``s_i = sum_j p_ij b_j`` of every row, with p the softmax of ``e_ij`` over j.

    Parameters
    ----------
    values : array (m,) or (m, w), or callable
        b: numbers or vectors of Y's points (of X's, without Y), or with `data` a function
        ``f(a, b)`` of both points' data.
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
        A function cannot be called or, at the first use, traced. The message names the line that is
        the reason.
    ValueError
        `data_Y` without `data`.

    Notes
    -----
    ``d s_i / d D_ij = p_ij e'_ij (b_j - s_i)`` and ``d s_i / d b_j = p_ij``. This is attention with
    the weights p. A row without any pair has the mean NaN.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, b = np.array([[0.0], [1.0]]), np.array([1.0, 10.0])
    >>> mc.reduce(mc.reductions.SoftmaxMean(b), X).round(4)
    array([3.4205, 7.5795])
    """

    def __init__(
        self,
        values: ArrayProtocol | str | Callable[..., Any],
        e: Callable[..., Any] | None = None,
        *,
        data: ArrayProtocol | str | None = None,
        data_Y: ArrayProtocol | None = None,
    ) -> None:
        if values is None:
            raise TypeError("values must be an array or a function f(a, b); got None")
        super().__init__(e, values, data, data_Y)

    def finish(self, xp: Any, pieces: Pieces) -> Array:
        """Return the means ``(r, w)``."""
        return self.mean(pieces)

    def finish_tangent(self, pieces: Pieces, sums: Pieces) -> Array:
        """Return ``sum_j p_ij e'_ij dD_ij (b_j - s_i)``."""
        alone, weighted = sums
        return weighted - alone * self.mean(pieces)

    def mean(self, pieces: Pieces) -> Array:
        """Return the means ``(r, w)``."""
        return pieces[2] / pieces[1]
