"""A random problem: NumPy data, the library's arrays, and brute force on the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.suite import Array, Suite, Values

N, M, D, K = 19, 17, 3, 2
TANGENTS = {"metric": "metric_tangent", "X": "X_tangent", "Y": "Y_tangent"}
STEP = 1e-5
"""Difference quotients of a gradient are over so much of its arguments."""

_CLASSES: dict[str, Callable[[Array], Any]] = {
    "full": mc.Full,
    "factor": mc.Factor,
    "diagonal": mc.Diagonal,
    "covariance": mc.Covariance,
}


class Problem:
    """Points and a metric, ``definite`` where D must not be negative."""

    def __init__(
        self, suite: Suite, metric: str, with_Y: bool, dtype: str, *, definite: bool = False
    ) -> None:
        rng = np.random.default_rng(0)
        data = {"X": rng.standard_normal((N, D))}
        if with_Y:
            data["Y"] = rng.standard_normal((M, D))
        if metric != "euclidean":
            data["metric"] = _parameter(metric, rng, definite)
        self._set(suite, metric, {name: part.astype(dtype) for name, part in data.items()}, dtype)
        self.rng = rng

    def _set(self, suite: Suite, form: str, data: dict[str, Values], dtype: str) -> None:
        self.suite, self.form, self.data = suite, form, data
        self.dtype, self.eps = dtype, float(np.finfo(dtype).eps)
        self.given = {name: suite.array(values) for name, values in data.items()}
        self.points = (self.given["X"], self.given.get("Y"))
        self.metric: Any = None  # of a class that the name of the form tells
        if form != "euclidean":
            self.metric = _CLASSES[form](self.given["metric"])
        self.wrt = tuple(data)

    def on(self, **data: Values) -> Problem:
        """Return the same problem with other points, or another parameter."""
        found = object.__new__(Problem)
        changed = {name: values.astype(self.dtype) for name, values in data.items()}
        found._set(self.suite, self.form, self.data | changed, self.dtype)
        found.rng = self.rng
        return found

    # --- data --------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of D."""
        return len(self.data["X"]), len(self.others)

    @property
    def others(self) -> Values:
        """The columns' points."""
        return self.data.get("Y", self.data["X"])

    @property
    def alone(self) -> bool:
        """Whether the points meet themselves."""
        return "Y" not in self.data

    @property
    def apart(self) -> Values:
        """Which pairs ``(n, m)`` are none of a point with itself."""
        return ~np.eye(*self.shape, dtype=bool) if self.alone else np.ones(self.shape, bool)

    def draw(self, *shape: int) -> Values:
        """Return random numbers of the problem's dtype."""
        return self.rng.standard_normal(shape).astype(self.dtype)

    def pairs(self, count: int = 30) -> tuple[Values, Values]:
        """Return listed pairs, of which some repeat an index."""
        n, m = self.shape
        return self.rng.integers(0, n, count), self.rng.integers(0, m, count)

    def arrays(self, *values: Values) -> tuple[Array, ...]:
        """Return NumPy data as arrays of the library."""
        return tuple(self.suite.array(value) for value in values)

    def tangents(self, names: tuple[str, ...]) -> tuple[dict[str, Values], dict[str, Array]]:
        """Return random directions, as data by name and as the arguments of a call."""
        drawn = {name: self.draw(*self.data[name].shape) for name in names}
        return drawn, {TANGENTS[name]: self.suite.array(v) for name, v in drawn.items()}

    # --- brute force -------------------------------------------------------------------------

    @cached_property
    def matrix(self) -> Values:
        """The metric's symmetric matrix."""
        return oracle.matrix(self.form, self.data.get("metric"), self.data["X"].shape[1])

    @cached_property
    def differences(self) -> Values:
        """``x_i - y_j (n, m, d)``."""
        return oracle.differences(self.data["X"], self.others)

    @cached_property
    def D(self) -> Values:
        """Squared distances."""
        return oracle.sqdist(self.data["X"], self.others, self.matrix)

    @cached_property
    def jacobian(self) -> Values:
        """The derivative of D by the parameter."""
        return oracle.jacobian(self.form, self.data["metric"], self.differences, self.matrix)

    @cached_property
    def slope(self) -> Values:
        """``2 Ms (x_i - y_j)``, the derivative of D_ij by x_i, and minus that by y_j."""
        return np.asarray(2 * self.differences @ self.matrix)

    def pushed(self, directions: dict[str, Values]) -> Values:
        """Return the derivative of D along directions."""
        total = np.zeros(self.shape, dtype=np.longdouble)
        if "metric" in directions:
            v = oracle.exact(directions["metric"])
            total += np.tensordot(self.jacobian, v, axes=v.ndim)
        zero = np.zeros_like(self.data["X"])
        rows = directions.get("X", zero)
        columns = rows if self.alone else directions.get("Y", np.zeros_like(self.others))
        return np.asarray(total + (self.slope * oracle.differences(rows, columns)).sum(axis=2))

    def pulled(self, G: Values) -> dict[str, Values]:
        """Return the gradients of ``sum G_ij D_ij``."""
        G = oracle.exact(G)
        rows = np.einsum("ij,ijk->ik", G, self.slope)
        columns = -np.einsum("ij,ijk->jk", G, self.slope)
        found = {"X": rows + columns} if self.alone else {"X": rows, "Y": columns}
        if self.metric is not None:
            found["metric"] = np.tensordot(G, self.jacobian, axes=2)
        return found

    def gradient_of(self, terms: oracle.RowTerms) -> dict[str, Values]:
        """Return the gradients of a sum of rows' terms."""
        return self.pulled(oracle.cotangent(terms, self.D))

    def change_of_gradient(
        self, terms: oracle.RowTerms, directions: dict[str, Values]
    ) -> dict[str, Values]:
        """Return how the gradients change along directions, by a quotient of fourth order."""
        total = {name: np.zeros_like(oracle.exact(values)) for name, values in self.data.items()}
        for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            found = self._moved(steps * STEP, directions).gradient_of(terms)
            for name in total:
                total[name] += weight / (12 * STEP) * found[name]
        return total

    def _moved(self, step: float, directions: dict[str, Values]) -> Problem:
        found = object.__new__(Problem)
        found.__dict__.update(
            {key: value for key, value in self.__dict__.items() if key not in _DERIVED}
        )
        found.data = {name: oracle.exact(values) for name, values in self.data.items()}
        for name, direction in directions.items():
            found.data[name] = found.data[name] + step * oracle.exact(direction)
        return found

    # --- comparisons -------------------------------------------------------------------------

    def assert_close(self, actual: Array, expected: Values, *, factor: float = 512) -> None:
        """Assert an error of a few roundings of the largest entry."""
        values = self.suite.to_numpy(actual)
        assert values.shape == expected.shape
        assert values.dtype == self.dtype
        bound = factor * self.eps * np.abs(expected).max(initial=1)
        np.testing.assert_allclose(values, expected.astype(np.float64), rtol=0, atol=float(bound))

    def assert_gradient(
        self, gradient: Any, G: Values, *, weight: float | None = None, factor: float = 64
    ) -> None:
        """Compare a gradient with the pullback of G, an error of roundings of its terms."""
        total = float(np.abs(G).sum()) if weight is None else weight
        steepest = dict.fromkeys(("X", "Y"), self.slope)
        if self.metric is not None:
            steepest["metric"] = self.jacobian
        bounds = {
            name: factor * self.eps * total * float(np.abs(part).max(initial=0))
            for name, part in steepest.items()
        }
        self.assert_parts(gradient, self.pulled(G), bounds)

    def assert_parts(
        self, gradient: Any, expected: dict[str, Values], bounds: dict[str, float]
    ) -> None:
        """Compare each part of a gradient that was asked for; the others are None."""
        for name in ("metric", "X", "Y"):
            actual = getattr(gradient, name)
            if name not in self.wrt:
                assert actual is None, name
                continue
            values = self.suite.to_numpy(actual)
            assert values.dtype == self.dtype
            assert values.shape == expected[name].shape
            exact = expected[name].astype(np.float64)
            np.testing.assert_allclose(
                values, exact, rtol=0, atol=bounds[name] + 1e-300, err_msg=name
            )


_DERIVED = ("matrix", "differences", "D", "jacobian", "slope")


def _parameter(form: str, rng: np.random.Generator, definite: bool) -> Values:
    square = rng.standard_normal((D, D))
    positive = square @ square.T + np.eye(D)
    skew = np.triu(square, 1) - np.triu(square, 1).T
    parameters: dict[str, Values] = {
        "full": positive + skew if definite else square,
        "factor": square[:K],
        "diagonal": np.abs(square[0]) if definite else square[0],
        "covariance": positive,
    }
    return parameters[form]
