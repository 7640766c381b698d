"""Shapes, dtypes and finite values of arguments, and errors that say what to write instead."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from maha_core.arrays import describe, device_of
from maha_core.dispatch import backend_of

if TYPE_CHECKING:
    from maha_core.backend import Backend

Array = Any


def backend_for(value: object, argument: str) -> Backend:
    """Return the backend of an array, having refused what it does not accept."""
    backend = backend_of(value, argument)
    backend.refuse(value, argument)
    return backend


def points(backend: Backend, value: Array, argument: str) -> Array:
    """Return an array as floating point; integers become the device's widest float."""
    value, kind = of_accepted_dtype(backend, value, argument)
    if kind == "real":
        return value
    return backend.widen(value)


def of_accepted_dtype(backend: Backend, value: Array, argument: str) -> tuple[Array, str]:
    """Return an array in its canonical form, and the kind of its dtype."""
    value = backend.canonical(value)
    kind = backend.kind(value.dtype)
    if kind == "other":
        raise TypeError(
            f"{argument} has dtype {value.dtype}; float32, float64, integers and bool are "
            f"accepted: convert it, e.g. {argument}.astype('float64') or the like in its library"
        )
    return value, kind


def check_points(value: Array, argument: str) -> None:
    """Raise ValueError where an array is not rows of points."""
    if value.ndim != 2:
        raise ValueError(
            f"{argument} must be two-dimensional, points as rows; it has shape "
            f"{tuple(value.shape)}: write {argument}[:, None] for n points in one dimension"
        )
    if value.shape[1] == 0:
        raise ValueError(f"{argument} has shape {tuple(value.shape)}: points without columns")


def rows_of_points(backend: Backend, value: Array, argument: str) -> Array:
    """Return rows of points as floating point, having checked their shape."""
    value = points(backend, value, argument)
    check_points(value, argument)
    return value


def check_columns(value: Array, columns: int, owner: str, argument: str = "X") -> None:
    """Raise ValueError where points and a metric do not fit."""
    if value.ndim != 2 or value.shape[1] != columns:
        raise ValueError(
            f"{argument} has shape {tuple(value.shape)}, and {owner} is for points with "
            f"{columns} column(s)"
        )


def same_library(backend: Backend, value: object, argument: str, like: Array) -> None:
    """Raise TypeError where an array is of another library than X."""
    if not backend.accepts(value, like):
        backend_of(value, argument)  # what is no array at all has an error of its own
        raise TypeError(
            f"{argument} is a {describe(value)}, and X a {describe(like)}; "
            f"convert {argument} to the library of X"
        )
    backend.refuse(value, argument)


def same_device(backend: Backend, value: Array, argument: str, like: Array) -> None:
    """Raise ValueError where an array lives on another device than X."""
    if backend.one_device:
        return
    there, here = device_of(value), device_of(like)
    if there != here:
        raise ValueError(f"{argument} lives on device {there}, and X on {here}; move one of them")


def _beside(backend: Backend, value: object, argument: str, like: Array) -> Array:
    """Return an array that lives where X lives."""
    same_library(backend, value, argument, like)
    value = backend.adopt(value)
    same_device(backend, value, argument, like)
    return value


def operand(backend: Backend, value: Array, argument: str, like: Array) -> Array:
    """Return an array of X's library, device and dtype; integers are cast, floats must agree."""
    value = _beside(backend, value, argument, like)
    value, kind = of_accepted_dtype(backend, value, argument)
    if kind == "real" and value.dtype != like.dtype:
        raise TypeError(
            f"{argument} has dtype {value.dtype}, and X is taken as {like.dtype}; "
            "convert one of them"
        )
    return value if kind == "real" else backend.cast(value, like.dtype)


def whole_numbers(backend: Backend, value: Array, argument: str, like: Array) -> Array:
    """Return an array of labels or indices, which must be integers of X's library and device."""
    value = _beside(backend, value, argument, like)
    value = backend.canonical(value)
    if backend.kind(value.dtype) not in ("integer", "bool"):
        raise TypeError(f"{argument} must hold integers; it has dtype {value.dtype}")
    return value


def check_shape(value: Array, shape: tuple[int, ...], argument: str, why: str) -> None:
    """Raise ValueError where an array has not the shape that the others ask for.

    An extent that is not known yet (NaN) fits any.
    """
    fits = len(value.shape) == len(shape) and all(
        math.isnan(own) or math.isnan(wanted) or own == wanted
        for own, wanted in zip(value.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{argument} has shape {tuple(value.shape)}; {why} asks for {shape}")


def check_parameter(value: object, symbol: str, ndim: int) -> None:
    """Raise for what cannot be a metric's array, whatever X will be."""
    backend = backend_for(value, symbol)
    array, _ = of_accepted_dtype(backend, value, symbol)
    if array.ndim != ndim:
        raise ValueError(
            f"{symbol} must have {ndim} dimension(s); its shape is {tuple(array.shape)}"
        )
    if 0 in array.shape:
        raise ValueError(f"{symbol} has shape {tuple(array.shape)}: there is nothing in it")


def check_square(value: Array, symbol: str) -> None:
    """Raise ValueError where a matrix is not square."""
    rows, columns = value.shape
    if rows != columns:
        raise ValueError(f"{symbol} must be square; its shape is {tuple(value.shape)}")


def check_ridge(ridge: object) -> None:
    """Raise where a ridge is no finite number from 0 up."""
    try:
        number = float(ridge)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"ridge must be a number; got {ridge!r}") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"ridge must be finite and not negative; got {ridge!r}")


def count(value: object, argument: str, highest: float, why: str) -> int:
    """Return a count from 1 to `highest` as an int."""
    if isinstance(value, bool):
        raise TypeError(f"{argument} must be an integer; got {value!r}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{argument} must be an integer; got {value!r}") from None
    if number < 1 or number > highest:  # an unknown highest (NaN) refuses none
        raise ValueError(f"{argument} = {number} is outside 1 ... {highest}: {why}")
    return number


def entry_index(index: object, shape: tuple[int, ...], argument: str) -> tuple[int, ...]:
    """Return the index of one entry of an array of the given shape as a tuple of ints."""
    parts = index if isinstance(index, tuple) else (index,)
    try:
        numbers = tuple(operator.index(part) for part in parts)
    except TypeError:
        raise TypeError(
            f"{argument} must be an integer or a tuple of integers; got {index!r}"
        ) from None
    inside = len(numbers) == len(shape) and all(
        0 <= number < extent for number, extent in zip(numbers, shape, strict=True)
    )
    if not inside:
        raise ValueError(f"{argument} = {index!r} is no entry of a parameter of shape {shape}")
    return numbers
