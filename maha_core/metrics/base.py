"""The base class of metrics: the parameter array, the matrix of the metric, an embedding."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from maha_core import validation
from maha_core.array_types import ArrayT, ArrayT_co
from maha_core.arrays import namespace, same_numbers
from maha_core.summaries import summary

if TYPE_CHECKING:
    from maha_core.library import Library
    from maha_core.metrics.form import Form

Array = Any


Result = TypeVar("Result")


def derived(method: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Decorate a method of a metric so that the parameter's backend runs it, at once or lazily."""

    @wraps(method)
    def run(metric: Metric) -> Result:
        metric.refuse_batch()
        backend = validation.backend_for(metric.parameter, metric.symbol)
        return backend.derived(metric, method)

    return run


class Metric(ABC, Generic[ArrayT_co]):
    """A Mahalanobis metric given by one array; immutable.

    Two metrics are equal if they have the same class and their arrays have the same library, dtype,
    shape and values. Metrics of lazy arrays (Dask) or of arrays being differentiated (such as JAX
    tracers) are equal only if they share the array.

    Attributes
    ----------
    parameter : array
        The array as given. Gradients with respect to the metric have its shape.
    """

    __slots__ = ("parameter",)

    parameter: ArrayT_co
    symbol: ClassVar[str]
    ndim: ClassVar[int]

    def __init__(self, parameter: Array) -> None:
        validation.check_parameter(parameter, self.symbol, self.ndim)
        object.__setattr__(self, "parameter", parameter)

    @classmethod
    def unchecked(cls, parameter: Any) -> Self:
        """Return a metric whose parameter is a placeholder of an array, such as its shape."""
        found = object.__new__(cls)
        object.__setattr__(found, "parameter", parameter)
        return found

    @property
    def argument(self) -> str:
        """The parameter's name in error messages."""
        return f"metric ({type(self).__name__}'s {self.symbol})"

    @property
    def is_batch(self) -> bool:
        """Whether the parameter has leading axes, that is, holds a batch of metrics."""
        return bool(self.parameter.ndim > self.ndim)

    def refuse_batch(self) -> None:
        """Raise ValueError for a batch of metrics where one is needed."""
        if self.is_batch:
            raise ValueError(
                f"{self.argument} has shape {tuple(self.parameter.shape)}, a batch of metrics, and "
                "there are no batches here; call once for each of them"
            )

    @property
    def n_columns(self) -> int:
        """The number of columns d that points must have."""
        return int(self.parameter.shape[-1])

    def __call__(self, u: Array, v: Array) -> float:
        """Return the distance of two points ``(d,)``, not squared: a callable for other libraries.

        Parameters
        ----------
        u, v : array (d,)
            Arrays of the parameter's library, cast to its dtype.

        Returns
        -------
        distance : float

        Notes
        -----
        Libraries call a metric once for each pair, which is slow. `maha_core.dist` computes all
        pairs in one call.
        """
        xp = namespace(self.parameter)
        difference = xp.astype(xp.asarray(u) - xp.asarray(v), floating(self.parameter).dtype)
        z = self.embed(difference[None, :])
        return math.sqrt(float(xp.sum(z * z)))

    @abstractmethod
    def matrix(self) -> ArrayT_co:
        """Return the symmetric matrix Ms ``(d, d)`` of the metric."""

    @abstractmethod
    def to_factor(self) -> Metric[ArrayT_co]:
        """Return an equal metric of the form ``M = A^T A``, a `Factor`."""

    def embed(self, X: ArrayT) -> ArrayT:
        """Return Z ``(n, k)`` whose squared Euclidean distances are the metric's.

        Parameters
        ----------
        X : array (n, d)
            Points as rows, of the parameter's library.

        Returns
        -------
        Z : array (n, k)
            ``Z = X A^T`` for the metric's factor A; for trees, plots and other tools.

        Raises
        ------
        TypeError, ValueError
            X is not an array of the parameter's library, or has the wrong number of columns.
        """
        self.refuse_batch()
        backend = validation.backend_for(X, "X")
        points = validation.rows_of_points(backend, X, "X")
        parameter = validation.operand(backend, self.parameter, self.symbol, like=points)
        owner = f"{type(self).__name__}({self.symbol})"
        validation.check_columns(points, self.n_columns, owner)
        return backend.embed(type(self), parameter, points)

    def for_embedding(self) -> Metric[ArrayT_co]:
        """Return an equal metric whose `embedded` needs no further factorisation."""
        return self.to_factor()

    def embedded(self, X: Array) -> Array:
        """Return `embed` of points that are checked."""
        A: Array = self.to_factor().parameter
        return X @ A.T

    @abstractmethod
    def form(self, backend: Library, parameter: Array) -> Form:
        """Return the metric's mathematics for one call, from its checked and cast array."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __reduce__(self) -> tuple[type[Metric], tuple[Array]]:
        return type(self), (self.parameter,)

    def __repr__(self) -> str:
        return summary(type(self).__name__, {self.symbol: self.parameter})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metric):
            return NotImplemented
        return type(self) is type(other) and same_numbers(self.parameter, other.parameter)

    def __hash__(self) -> int:
        # Hash only properties that equal metrics share and that writing to the array cannot change.
        shape, dtype = (getattr(self.parameter, name, None) for name in ("shape", "dtype"))
        return hash((type(self), str(shape), str(dtype)))


def floating(parameter: Array) -> Array:
    """Return a parameter as floating point; integers become the device's widest float."""
    return validation.points(validation.backend_for(parameter, "parameter"), parameter, "parameter")


def eigen(matrix: Array) -> tuple[Any, Array, Array, Array]:
    """Return namespace, eigenvalues, eigenvectors and the rounding level of the eigenvalues."""
    xp = namespace(matrix)
    values, vectors = xp.linalg.eigh(matrix)
    level = xp.max(xp.abs(values)) * (matrix.shape[0] * float(xp.finfo(matrix.dtype).eps))
    return xp, values, vectors, level
