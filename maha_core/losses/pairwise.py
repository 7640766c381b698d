"""Elementwise losses: the sum of a function of every squared distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.losses.base import Loss
from maha_core.reductions import PointData, Reduction
from maha_core.reductions.array_sum import pair_sum


class Pairwise(Loss):
    """The sum of ``f(D_ij)`` over all pairs, or of ``f(D_ij, a_i, b_j)`` with data.

    Parameters
    ----------
    f : callable
        ``f(D)``, or with `data` ``f(D, a, b)``, a function of one pair: of its squared distance D,
        the number a of the row's point and the number b of the column's point. Write it with
        operators, functions of NumPy or the array API (``xp = D.__array_namespace__()``), and
        ``np.where`` in place of `if`; its derivative is derived automatically. If that is not
        possible, f returns ``(values, derivatives)`` with respect to D, both ``(r, c)``, for a tile
        D ``(r, c)`` and data a ``(r, 1)`` and b ``(1, c)``. It may run in several threads.
    data : array (n,), optional
        A number per point of X; integers are cast to real numbers.
    data_Y : array (m,), optional
        A number per point of Y; needed with `data` and Y.
    symmetric : bool
        Set True only if ``f(D, a, b) = f(D, b, a)``. Half of the tiles may then be skipped.
    sample_weight : array (n,), optional
        Weights of the rows' own terms ``sum_j f(D_ij)``.

    Raises
    ------
    TypeError
        f cannot be called; at the first use: f returns only values, and its derivative cannot be
        derived. The message names the line of f that is the reason.

    Notes
    -----
    Without Y the sum runs over ordered pairs i != j, so each unordered pair counts twice; f of a
    point with itself has no effect. f is called with symbols in place of arrays, which support
    + - * / and powers, exp, expm1, log, log1p, logaddexp, sqrt, square, reciprocal, tanh, abs,
    sign, maximum, minimum, clip, isinf, isnan, isfinite, comparisons, & | ~ and where. Between
    coincident points the derivative of a root is taken as 0, because the derivative of D is 0. On a
    GPU, a function that was derived automatically is computed in the kernel that computes D.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> loss = mc.losses.Pairwise(lambda D: D**2, symmetric=True)
    >>> value, gradient = mc.value_and_grad(loss, X)
    >>> float(value), gradient.X.ravel().tolist()
    (196.0, [-224.0, -56.0, 280.0])

    With data, here a squared difference of targets weighted by nearness:

    >>> y = np.array([0.0, 1.0, 5.0])
    >>> near = mc.losses.Pairwise(lambda D, a, b: np.exp(-D) * (a - b) ** 2, data=y)
    >>> round(float(mc.value_and_grad(near, X)[0]), 4)
    1.328
    """

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        data: ArrayProtocol | None = None,
        data_Y: ArrayProtocol | None = None,
        symmetric: bool = False,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"f must be callable, f(D) or f(D, a, b) with data; got {f!r}")
        if data is None and data_Y is not None:
            raise ValueError("data_Y was given without data; give both, or neither")
        self.f = f
        self.data = data
        self.data_Y = data_Y
        self.sample_weight = sample_weight
        self.symmetric = bool(symmetric)

    def point_data(self) -> tuple[PointData, ...]:
        """Return the data where there are any."""
        if self.data is None:
            return ()
        return (PointData("data", self.data, self.data_Y, columns_name="data_Y"),)

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the sum of f over every row."""
        return {"total": pair_sum(self.f, None if self.data is None else "data")}

    def row_function(self, row: Any) -> Any:
        """Return the row's sum."""
        return row.total
