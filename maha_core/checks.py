"""Checks of values and sizes, and their errors.

A check on values is a condition that `Library.expect` tests: at once, at the end of a call (on a
GPU), or in the tasks of a graph (Dask). The errors are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from maha_core import definite
from maha_core.arrays import device_of, itemsize
from maha_core.memory import readable

if TYPE_CHECKING:
    from maha_core.library import Library

Array = Any

SURELY_FITS = 2**26
"""For results of fewer bytes, the free memory is not checked."""


class NotFiniteError(ArithmeticError):
    """A cotangent has values that are not finite, possibly only between coincident points."""


def finite(library: Library, value: Array, argument: str) -> None:
    """Raise ValueError where an array holds NaN or infinity."""
    library.expect(partial(library.is_finite, value), partial(_refuse_infinite, argument), value)


def _refuse_infinite(argument: str) -> None:
    raise ValueError(
        f"{argument} contains NaN or infinity; clean it, or switch the check off with "
        "maha_core.options(check_finite=False)"
    )


def finite_or_again(library: Library, values: Array, again: Callable[[], Array]) -> Array:
    """Return values, or the result of `again` if their sum is not finite.

    A library that knows values only later raises `NotFiniteError` at that time; the operation must
    then be repeated step by step.
    """

    def holds() -> Array:
        with library.quiet():
            return library.xp.isfinite(library.xp.sum(values))

    try:
        library.expect(holds, _not_finite, values)
    except NotFiniteError:
        return again()
    return values


def _not_finite() -> None:
    raise NotFiniteError


def nonnegative(library: Library, D: Array) -> None:
    """Raise ValueError where a squared distance is negative."""
    if not prod(D.shape):
        return
    xp = library.xp
    lowest = xp.min(D)  # D may be overwritten by its root before the error is raised
    library.expect(lambda: xp.logical_not(lowest < 0), partial(_refuse_negative, lowest), D)


def _refuse_negative(lowest: Array) -> None:
    raise ValueError(
        f"metric gives negative squared distances (as low as {float(lowest):.6g}), which "
        "have no square root; use sqdist, or project it with metric.nearest_psd()"
    )


def squared_distances(library: Library, D: Array) -> None:
    """Raise ValueError where the user's squared distances are negative."""
    if prod(D.shape) and (lowest := float(library.xp.min(D))) < 0:
        raise ValueError(
            f"D must hold squared distances, which are not negative; it has entries as low as "
            f"{lowest:.6g}"
        )


def index(library: Library, values: Array, size: int, argument: str) -> None:
    """Raise ValueError where an index is outside 0 ... size - 1."""
    if not values.shape[0]:
        return
    xp = library.xp

    def holds() -> Array:
        return (xp.min(values) >= 0) & (xp.max(values) < size)

    def refuse() -> None:
        lowest, highest = int(xp.min(values)), int(xp.max(values))
        raise ValueError(
            f"{argument} has indices from {lowest} to {highest}, outside 0 ... {size - 1}"
        )

    library.expect(holds, refuse, values)


def ascending(library: Library, values: Array, argument: str) -> None:
    """Raise ValueError where an index is smaller than the one before it."""

    def refuse() -> None:
        raise ValueError(f"{argument} must list i in ascending order")

    if values.shape[0] != 0:  # the standard does not define these slices of an empty array
        library.expect(lambda: library.xp.all(values[1:] >= values[:-1]), refuse, values)


def symmetric(library: Library, S: Array) -> None:
    """Raise ValueError where a covariance is asymmetric by more than rounding."""
    library.expect(
        partial(definite.is_symmetric, library.xp, S),
        partial(definite.refuse_asymmetric, library.xp, S),
        S,
    )


def positive_definite(
    library: Library, R: Array, level: Array | float, refuse: Callable[[], None]
) -> None:
    """Call `refuse`, which raises, where ``R - diag(level)`` is not positive definite."""
    library.expect(partial(definite.exceeds, library.xp, R, level), refuse, R)


def fits_in_memory(
    library: Library, shape: tuple[int, ...], like: Array, what: str, instead: str
) -> None:
    """Raise MemoryError before any work if a result cannot fit in memory."""
    size = itemsize(like) * prod(shape)
    if size < SURELY_FITS:
        return
    available = library.available_memory(device_of(like))
    if available is not None and size > available:
        raise MemoryError(
            f"{what} of shape {shape} takes {readable(size)}, and {readable(available)} are "
            f"free; {instead}"
        )
