"""The metrics that a Gaussian process can learn, as functions of unconstrained numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maha_core.metrics import Diagonal, Factor, Metric

Matrix = NDArray[np.float64]


class LengthScales(ABC):
    """A family of metrics, parametrised by a vector of numbers ``(p,)``."""

    @abstractmethod
    def start(self) -> Matrix:
        """Return the numbers to start from."""

    @abstractmethod
    def metric(self, numbers: Matrix) -> Metric:
        """Return the metric of some numbers."""

    @abstractmethod
    def pull(self, numbers: Matrix, gradient: Matrix) -> Matrix:
        """Return a gradient in the numbers from that in the metric's array."""


@dataclass(frozen=True)
class Linear(LengthScales):
    """Any linear map ``(k, d)``: a full matrix of length scales, or one of rank k."""

    A: Matrix

    def start(self) -> Matrix:
        return self.A.ravel()

    def metric(self, numbers: Matrix) -> Factor:
        return Factor(numbers.reshape(self.A.shape))

    def pull(self, numbers: Matrix, gradient: Matrix) -> Matrix:
        return gradient.ravel()


@dataclass(frozen=True)
class Columnwise(LengthScales):
    """A length scale a column, by the logarithms of ``w = 1 / scale^2`` ``(d,)``."""

    w: Matrix

    def start(self) -> Matrix:
        return np.asarray(np.log(self.w))

    def metric(self, numbers: Matrix) -> Diagonal:
        return Diagonal(np.exp(numbers))

    def pull(self, numbers: Matrix, gradient: Matrix) -> Matrix:
        return np.asarray(np.exp(numbers) * gradient)


@dataclass(frozen=True)
class Given(LengthScales):
    """A metric that is not learned."""

    known: Metric

    def start(self) -> Matrix:
        return np.zeros(0)

    def metric(self, numbers: Matrix) -> Metric:
        return self.known

    def pull(self, numbers: Matrix, gradient: Matrix) -> Matrix:
        return np.zeros(0)
