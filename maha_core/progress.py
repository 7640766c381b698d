"""How far a sweep has come, shown while it goes on where the user asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar, cast

from maha_core.extras import missing

Result = TypeVar("Result")


def check_installed() -> None:
    """Raise ImportError where there is nothing to show progress with."""
    if find_spec("tqdm") is None:
        raise ImportError(missing("progress=True", "tqdm", "progress"))


def shown(results: Iterator[Result], count: int, wanted: bool) -> Iterator[Result]:
    """Yield results, and show on standard error how many of them there are by now.

    Parameters
    ----------
    results : iterator
    count : int
        How many there will be.
    wanted : bool
        Whether anything is to be shown; of one result nothing is.

    Examples
    --------
    >>> from maha_core.progress import shown
    >>> list(shown(iter([1, 2]), 2, False))
    [1, 2]
    """
    if not wanted or count <= 1:
        return results
    bar = import_module("tqdm.auto").tqdm(results, total=count, desc="maha_core", unit="part")
    return cast("Iterator[Result]", iter(bar))
