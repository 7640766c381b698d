"""Batches: leading axes of X, Y and the metric's parameter broadcast, as in `numpy.matmul`.

A call is made for every member, and the results are stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product, zip_longest
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from maha_core import validation
from maha_core.metrics import Metric
from maha_core.problem import Gradient, ReductionGradient

if TYPE_CHECKING:
    from maha_core.engine import Engine

Array = Any
Result = TypeVar("Result")
Shape = tuple[int, ...]


def is_batch(X: Array, Y: Array | None, metric: object) -> bool:
    """Tell whether points or the metric's parameter have leading axes."""
    for points in (X, Y):
        ndim = getattr(points, "ndim", 2)
        if isinstance(ndim, int) and ndim > 2:  # attributes of a lazy object are lazy, not int
            return True
    return metric is not None and isinstance(metric, Metric) and metric.is_batch


def given(**arguments: object) -> list[str]:
    """Return the names of arguments that are not None."""
    return [name for name, value in arguments.items() if value is not None]


class Operand(NamedTuple):
    """An argument of a batch: its leading axes, and the arrays of its members."""

    leading: Shape
    members: list[Any]

    def member(self, index: Shape) -> Array | None:
        """Return the member for an index into the broadcast batch."""
        return self.members[place(self.leading, index)]


def place(leading: Shape, index: Shape) -> int:
    """Return the number of an operand's member for an index into the broadcast batch."""
    own, flat = index[len(index) - len(leading) :], 0
    for extent, i in zip(leading, own, strict=True):
        flat = flat * extent + (0 if extent == 1 else i)
    return flat


def backend_of_batch(X: Array, Y: Array | None, metric: Metric | None) -> Engine:
    """Return the backend of a batch; raise for invalid batches and backends without batches."""
    backend = validation.backend_for(X, "X")
    if not backend.has_batches:
        raise ValueError(
            f"X, Y or the metric have leading axes, a batch, and the backend {backend.name!r} has "
            "none; call once for each member"
        )
    if Y is not None:
        validation.same_library(backend, Y, "Y", X)
    if isinstance(metric, Metric):
        validation.same_library(backend, metric.parameter, metric.argument, X)
    return backend


def over_members(
    function: Callable[..., Result],
    X: Array,
    Y: Array | None,
    metric: Metric | None,
    *,
    alone: Sequence[str] = (),
    **further: tuple[Array | None, int],
) -> Result:
    """Return the stacked results of a function ``f(X, Y, metric, ...)`` of the members of a batch.

    Parameters
    ----------
    function : callable
    X, Y, metric
        With leading axes, which broadcast.
    alone : sequence of str
        Names of the given arguments that have no meaning for a batch.
    **further : tuple of (array or None, int)
        Further arrays, each with its number of axes in one member; their leading axes broadcast to
        those of the batch.

    Raises
    ------
    ValueError
        Leading axes do not broadcast, there is no member, or the library has no batches.

    Notes
    -----
    A gradient has the shape of its array: it is summed over axes along which the array was
    broadcast.
    """
    backend = backend_of_batch(X, Y, metric)
    if alone:
        raise ValueError(
            f"{alone[0]}= is given with a batch, which has none; call once for each member"
        )
    for name, (array, _) in further.items():
        if array is not None:
            validation.same_library(backend, array, name, X)
    xp = backend.xp
    own = {"X": _operand(xp, X, 2), "Y": _operand(xp, Y, 2), "metric": _metrics(xp, metric)}
    shape = broadcast({name: operand.leading for name, operand in own.items()})
    more = {name: _operand(xp, array, axes) for name, (array, axes) in further.items()}
    for name, operand in more.items():
        if broadcast({"the batch": shape, name: operand.leading}) != shape:
            raise ValueError(
                f"{name} has the leading axes {operand.leading}, and the batch has {shape}"
            )
    found = []
    for index in product(*map(range, shape)):
        member = {name: operand.member(index) for name, operand in (own | more).items()}
        found.append(function(**member))
    joined = _Joined(xp, shape, {name: operand.leading for name, operand in own.items()})
    result: Result = joined.of(found)
    return result


def _operand(xp: Any, array: Array | None, axes: int) -> Operand:
    """Return an array's members, split in one step so that its derivative is one stacking."""
    if array is None:
        return Operand((), [None])
    shape = tuple(array.shape)
    leading = shape[: max(0, len(shape) - axes)]
    if not leading:
        return Operand((), [array])
    flat = xp.reshape(array, (prod(leading), *shape[len(leading) :]))
    return Operand(leading, list(_unstacked(xp, flat)))


def _unstacked(xp: Any, array: Array) -> Iterator[Array]:
    unstack = getattr(xp, "unstack", None)
    if unstack is not None:
        yield from unstack(array)
        return
    for i in range(array.shape[0]):
        yield array[i, ...]


def _metrics(xp: Any, metric: Metric | None) -> Operand:
    if not isinstance(metric, Metric):
        return Operand((), [metric])  # the call of a member raises the error
    leading, members = _operand(xp, metric.parameter, metric.ndim)
    return Operand(leading, [type(metric)(member) for member in members])


def broadcast(leading: dict[str, Shape]) -> Shape:
    """Return the shape to which leading axes broadcast."""
    found: list[int] = []
    for extents in zip_longest(*(shape[::-1] for shape in leading.values()), fillvalue=1):
        wide = {extent for extent in extents if extent != 1}
        if len(wide) > 1:
            given = ", ".join(f"{name} {shape}" for name, shape in leading.items() if shape)
            raise ValueError(f"leading axes do not broadcast: {given}")
        found.append(wide.pop() if wide else 1)
    if 0 in found:
        given = ", ".join(f"{name} {shape}" for name, shape in leading.items() if shape)
        raise ValueError(f"a batch without members: leading axes of {given}")
    return tuple(found[::-1])


class _Joined:
    """Results of the members joined into results of the batch."""

    def __init__(self, xp: Any, shape: Shape, leading: dict[str, Shape]) -> None:
        self.xp = xp
        self.shape = shape
        self.leading = leading | {"values": ()}

    def of(self, found: list[Any]) -> Any:
        """Return arrays stacked, and gradients summed to the axes of their array."""
        first = found[0]
        if isinstance(first, Gradient | ReductionGradient):
            parts = zip(first._fields, zip(*found, strict=True), strict=True)
            return type(first)(*(self._gradient(name, list(each)) for name, each in parts))
        if isinstance(first, tuple):
            return tuple(self.of(list(each)) for each in zip(*found, strict=True))
        return self._stacked(found)

    def _stacked(self, found: list[Array]) -> Array:
        stacked = self.xp.stack(found)
        return self.xp.reshape(stacked, (*self.shape, *stacked.shape[1:]))

    def _gradient(self, name: str, found: list[Array | None]) -> Array | None:
        if found[0] is None:
            return None
        stacked, leading = self._stacked(found), self.leading[name]
        before = len(self.shape) - len(leading)
        kept = [i for i, extent in enumerate(leading, before) if extent != 1]
        summed = tuple(i for i in range(len(self.shape)) if i not in kept)
        total = self.xp.sum(stacked, axis=summed) if summed else stacked
        return self.xp.reshape(total, (*leading, *stacked.shape[len(self.shape) :]))
