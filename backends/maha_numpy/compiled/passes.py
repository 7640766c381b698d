"""Passes over tiles: one call evaluates expressions for every pair of a tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from maha_core.expressions import COLUMNS, PAIRS, Expression
from maha_numpy import buffers
from maha_numpy.compiled import source, store
from maha_numpy.compiled.jit import compiling
from maha_numpy.compiled.source import Asked

Array = Any
AnyForm = TypeVar("AnyForm")

NO_SELF = -(2**62)
"""The column of the first self-pair for tiles without self-pairs."""

WHOLE = {"integer": np.dtype(np.int64), "bool": np.dtype(bool)}
"""The dtypes of integer and bool inputs."""


class Found(NamedTuple):
    """The outputs ``(r, c)``, and the sums ``(r, count)`` in float64."""

    outputs: list[Array]
    sums: Array


def run(asked: Asked, D: Array, inputs: Mapping[str, Array], itself: int = NO_SELF) -> Found:
    """Return the outputs and sums of a pass over a tile D ``(r, c)``.

    Parameters
    ----------
    asked : Asked
    D : array (r, c)
        The tile, which has the shape and dtype of the outputs; expressions need not read it.
    inputs : mapping of str to array
        Numbers of pairs ``(r, c)``, of rows ``(r, 1)`` and of columns ``(1, c)``.
    itself : int
        The column of the self-pair of the first row.
    """
    (rows, columns), dtype = D.shape, D.dtype
    form, read, numbers = source.formed(asked)
    given = [argument(part, inputs[str(part.value)], dtype) for part in read]
    new = [buffers.empty(D.shape, dtype) for place in form.over if place is None]
    sums = np.empty((rows, len(asked.summed)))
    compiled = compiled_pass(source.text, form, dtype.name)
    compiled(rows, columns, itself, sums, np.asarray(numbers, dtype), *given, *new)
    fresh = iter(new)
    outputs = [next(fresh) if place is None else given[place] for place in form.over]
    return Found(outputs, sums)


@lru_cache(maxsize=512)
def compiled_pass(
    text: Callable[[AnyForm, str], str], form: AnyForm, dtype: str
) -> Callable[..., None]:
    """Return the pass ``run`` of the module that ``text(form, dtype)`` writes.

    It is compiled or loaded in its first call.
    """
    return compiled(text(form, dtype), dtype)


def compiled(text: str, dtype: str) -> Callable[..., None]:
    """Return the pass ``run`` of a module, which is compiled or loaded in its first call."""
    with compiling():  # so that only one of several threads does it
        found: Callable[..., None] = store.module(text).run.compiled(dtype)
    return found


def argument(part: Expression, values: Array, dtype: Any) -> Array:
    """Return an input as the pass takes it: one layout and one type, whatever is given."""
    wanted = dtype if part.kind == "real" else WHOLE[part.kind]
    if part.axes != PAIRS:
        values = values[0, :] if part.axes == COLUMNS else values[:, 0]
    # NumPy's own test of the same takes ten times as long.
    if type(values) is np.ndarray and values.dtype == wanted and values.flags.carray:
        return values
    return np.require(values, wanted, ["C", "W", "A", "E"])
