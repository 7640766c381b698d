"""A metric in the form that kernels need to recompute a pair from its raw difference."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from maha_core.metrics.diagonal import DiagonalForm
from maha_core.metrics.euclidean import EuclideanForm
from maha_core.metrics.factor import FactorForm
from maha_core.metrics.form import Form
from maha_core.metrics.full import FullForm
from maha_cupy.library import cp

Array = Any


class Kind(IntEnum):
    """The kinds of metrics in kernels/direct.cuh."""

    EUCLIDEAN = 0
    FACTOR = 1
    DIAGONAL = 2
    FULL = 3


class Direct(NamedTuple):
    """The kind of a metric and its one array (None for the Euclidean one)."""

    kind: Kind
    array: Array | None

    @property
    def width(self) -> int:
        """The number of rows of the array."""
        return 0 if self.array is None else int(self.array.shape[0])


def direct(form: Form) -> Direct:
    """Return a metric's form as arguments of the kernels."""
    if isinstance(form, EuclideanForm):
        return Direct(Kind.EUCLIDEAN, None)
    if isinstance(form, FactorForm):
        return Direct(Kind.FACTOR, cp.ascontiguousarray(form.A))
    if isinstance(form, DiagonalForm):
        return Direct(Kind.DIAGONAL, cp.ascontiguousarray(form.w))
    assert isinstance(form, FullForm), type(form)
    return Direct(Kind.FULL, cp.ascontiguousarray(form.Ms))
