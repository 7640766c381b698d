"""Loops whose steps depend on one another, compiled by numba where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from maha_core.options import current

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a function that numba compiles in its first call, or the plain one without numba.

    It must be written for numba: arrays and numbers only. `options(compiled=False)` leaves numba
    out.

    Examples
    --------
    >>> from maha_core.learn.compiled import compiled
    >>> half = compiled(lambda a: a / 2)
    >>> half(3.0)
    1.5
    """

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        ready = _by_numba(function) if current().compiled else None
        return (ready or function)(*args, **kwargs)

    return call


@cache
def _by_numba(function: Callable[Arguments, Result]) -> Callable[Arguments, Result] | None:
    try:
        import numba
    except ImportError:
        return None
    dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    # numba raises RuntimeError where neither the source's folder nor the home can be written.
    with suppress(RuntimeError):
        dispatcher.enable_caching()
    return dispatcher
