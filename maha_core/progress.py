"""A progress bar for sweeps over tiles, if the user asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar, cast

from maha_core.extras import missing

Result = TypeVar("Result")


def check_installed() -> None:
    """Raise ImportError if tqdm is not installed."""
    if find_spec("tqdm") is None:
        raise ImportError(missing("progress=True", "tqdm", "progress"))


def shown(results: Iterator[Result], count: int, wanted: bool) -> Iterator[Result]:
    """Yield results, and show on standard error how many are finished.

    Parameters
    ----------
    results : iterator
    count : int
        The number of results.
    wanted : bool
        Whether to show a bar; a single result has none.

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
