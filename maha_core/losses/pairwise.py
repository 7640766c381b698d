"""Elementwise losses: the sum of a function of every distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_core.arrays import is_array
from maha_core.losses.base import Evaluation, Fused, Loss, PointData, Summary, Tile

Array = Any


class Pairwise(Loss):
    """The sum of ``f(D_ij)`` over all pairs, or of ``f(D_ij, a_i, b_j)`` with data.

    Parameters
    ----------
    f : callable
        ``f(D)``, or with `data` ``f(D, a, b)``, for a tile D ``(r, c)`` and data a ``(r, 1)`` and
        b ``(1, c)``; returns ``(values, derivatives)`` with respect to D, both ``(r, c)``. It may
        run in several threads.
    data : array (n,), optional
        A number per point of X; integers are taken as real numbers.
    data_Y : array (m,), optional
        A number per point of Y; needed with `data` and Y.
    symmetric : bool
        The promise ``f(D, a, b) = f(D, b, a)``; half of the tiles may then be skipped.
    sample_weight : array (n,), optional
        Weights of the rows' own terms ``sum_j f(D_ij)``.
    cuda : tuple of two str, optional
        f's value and derivative for one pair as CUDA C++ expressions of `D`, and with `data` of `a`
        and `b`, such as ``("exp(-D)", "-exp(-D)")``. On a GPU they are computed as D is, where f
        passes over D once for each of its operations; elsewhere f serves. A plain ``0.5`` is a
        double in C++ and slow in float32: write ``real(0.5)``.

    Notes
    -----
    Without Y the sum runs over ordered pairs i != j, each unordered pair twice, and what f returns
    on a self-pair has no effect.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> loss = mc.losses.Pairwise(lambda D: (D * D, 2 * D), symmetric=True)
    >>> value, gradient = mc.value_and_grad(loss, X)
    >>> float(value), gradient.X.ravel().tolist()
    (196.0, [-224.0, -56.0, 280.0])
    """

    def __init__(
        self,
        f: Callable[..., tuple[Array, Array]],
        *,
        data: Array | None = None,
        data_Y: Array | None = None,
        symmetric: bool = False,
        sample_weight: Array | None = None,
        cuda: tuple[str, str] | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"f must be callable, f(D) -> (values, derivatives); got {f!r}")
        if data is None and data_Y is not None:
            raise ValueError("data_Y was given without data; give both, or neither")
        if cuda is not None and not _are_two_strings(cuda):
            raise TypeError(f"cuda must be two strings (value, derivative); got {cuda!r}")
        self.f = f
        self.cuda = cuda
        self.data = data
        self.data_Y = data_Y
        self.sample_weight = sample_weight
        # A weight belongs to the row alone, so that weighted terms are not symmetric.
        self.symmetric = bool(symmetric) and sample_weight is None
        self.by_expressions = cuda is not None

    def point_data(self) -> tuple[PointData, ...]:
        """Return the data and the weights where there are any."""
        given = []
        if self.data is not None:
            given.append(PointData("data", self.data, self.data_Y, columns_name="data_Y"))
        if self.sample_weight is not None:
            given.append(PointData("sample_weight", self.sample_weight))
        return tuple(given)

    def evaluate(self, tile: Tile, summary: Summary | None) -> Evaluation:
        """Return f's values and derivatives, self-pairs left out."""
        if self.cuda is not None and tile.fused is not None:
            return self._fused(tile, tile.fused, *self.cuda)
        values, derivatives = self._call(tile)
        weight = tile.row_data.get("sample_weight")
        if weight is not None:
            values, derivatives = weight * values, weight * derivatives
        return Evaluation(tile.without_self(values, 0.0), tile.without_self(derivatives, 0.0))

    def _fused(self, tile: Tile, fused: Fused, value: str, derivative: str) -> Evaluation:
        names = {} if self.data is None else {"a": tile.row_data, "b": tile.column_data}
        given = {name: side["data"] for name, side in names.items()}
        if "sample_weight" in tile.row_data:
            given["weight"] = tile.row_data["sample_weight"]
            value, derivative = f"weight * ({value})", f"weight * ({derivative})"
        cotangent, sums = fused.entries(derivative, value, **given)
        return Evaluation(sums, cotangent, own=True)

    def _call(self, tile: Tile) -> tuple[Array, Array]:
        D = tile.sqdist
        data = () if self.data is None else (tile.row_data["data"], tile.column_data["data"])
        result: Any = self.f(D, *data)
        if not (isinstance(result, tuple) and len(result) == 2 and all(map(is_array, result))):
            raise TypeError(
                "f must return two arrays (values, derivatives) of the shape of D, "
                f"{tuple(D.shape)}; it returned {type(result).__name__}"
            )
        for part in result:
            if tuple(part.shape) != tuple(D.shape):
                raise ValueError(
                    f"f returned an array of shape {tuple(part.shape)} for a tile of D of shape "
                    f"{tuple(D.shape)}; values and derivatives must have the shape of D"
                )
        values, derivatives = result
        return values, derivatives


def _are_two_strings(value: Any) -> bool:
    return isinstance(value, tuple) and [type(part) for part in value] == [str, str]
