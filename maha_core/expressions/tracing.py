"""Trace a Python function to an expression, or raise an error with the reason."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from maha_core.arrays import describe
from maha_core.expressions.expression import Expression, ordered
from maha_core.expressions.operation import real
from maha_core.expressions.symbol import Symbol, UntraceableError, refusals

OURS = str(Path(__file__).parent)


def trace(f: Callable[..., Any], inputs: Sequence[Expression]) -> Expression:
    """Return the expression that a function computes.

    Parameters
    ----------
    f : callable
        It is called once, with a symbol for every input.
    inputs : sequence of Expression

    Returns
    -------
    Expression
        Of real numbers.

    Raises
    ------
    UntraceableError
        f branches on values, uses an unsupported function, raises, or does not return a symbol.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import trace, variable
    >>> trace(lambda D: np.exp(-D), [variable("D")])
    exp(negative(D))
    """
    with _remembering() as refused:
        try:
            result = f(*map(Symbol, inputs))
        except Exception as error:
            raise UntraceableError(_reason(error) + _place(error.__traceback__)) from error
        if refused:
            raise refused[0]
    if not isinstance(result, Symbol):
        raise UntraceableError(
            f"it returned {describe(result)}, which does not depend on its arguments"
        )
    expression = real(result.expression)
    if any(part.operation == "input" and part not in inputs for part in ordered([expression])):
        raise UntraceableError("it returned something of another call")
    return expression


@contextmanager
def _remembering() -> Iterator[list[UntraceableError]]:
    refused: list[UntraceableError] = []
    token = refusals.set(refused)
    try:
        yield refused
    finally:
        refusals.reset(token)


def _reason(error: Exception) -> str:
    if isinstance(error, UntraceableError):
        return str(error)
    return f"it raised {type(error).__name__}: {error}"


def _place(raised: TracebackType | None) -> str:
    """Return the line of the function where the error occurred."""
    inside = raised.tb_next if raised is not None else None
    if inside is None or inside.tb_frame.f_code.co_filename.startswith(OURS):
        return ""
    file, line = inside.tb_frame.f_code.co_filename, inside.tb_lineno
    text = linecache.getline(file, line).strip()
    return f" (line {line} of {Path(file).name}{text and f': {text}'})"
