"""Options of a computation, and the context manager that sets them."""

from __future__ import annotations

import enum
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from maha_core.progress import check_installed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

Precision = Literal["accurate", "fast", "tf32"]


class _Unchanged(enum.Enum):
    """Marks an option that the caller did not give: None already means "automatic"."""

    UNCHANGED = enum.auto()

    def __repr__(self) -> str:
        return "<unchanged>"


_UNCHANGED = _Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Options:
    """The options in force, read once at each call of a public function.

    Parameters
    ----------
    precision : {"accurate", "fast", "tf32"}
        ``"accurate"`` recomputes from the raw differences every entry that suffers from
        cancellation in the matrix product; ``"fast"`` leaves this out; ``"tf32"`` also allows TF32
        products (CuPy only).
    check_finite : bool
        Whether inputs are checked for NaN and infinity, which are errors.
    tile_bytes : int or None
        The size of a tile; None leaves the choice to the backend.
    threads : int or None
        The number of threads; None leaves the choice to the backend.
    task_bytes : int or None
        The memory that a task on Dask arrays may use; None goes by the workers' memory.
    compiled : bool
        Whether to use loops over tiles compiled by numba, where it is installed.
    progress : bool
        Whether long computations show a progress bar.

    Attributes
    ----------
    accurate : bool
        Whether entries that suffer from cancellation are recomputed.

    Raises
    ------
    TypeError
        An option is of the wrong type.
    ValueError
        An option has an impossible value.
    """

    precision: Precision = "accurate"
    check_finite: bool = True
    tile_bytes: int | None = None
    threads: int | None = None
    task_bytes: int | None = None
    compiled: bool = True
    progress: bool = False
    accurate: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            allowed = ", ".join(map(repr, get_args(Precision)))
            raise ValueError(f"precision must be one of {allowed}; got {self.precision!r}")
        object.__setattr__(self, "accurate", self.precision == "accurate")
        for name in ("check_finite", "compiled", "progress"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False; got {value!r}")
        for name in ("tile_bytes", "threads", "task_bytes"):
            object.__setattr__(self, name, _positive_or_none(getattr(self, name), name))


def _positive_or_none(value: Any, name: str) -> int | None:
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a positive integer or None; got {value!r}")
    if number < 1:
        raise ValueError(f"{name} must be a positive integer or None; got {value!r}")
    return number


_current: ContextVar[Options] = ContextVar("maha_core.options", default=Options())  # noqa: B039


current: Callable[[], Options] = _current.get
"""Return the options that hold in this context."""


def options(
    *,
    precision: Precision | _Unchanged = _UNCHANGED,
    check_finite: bool | _Unchanged = _UNCHANGED,
    tile_bytes: int | _Unchanged | None = _UNCHANGED,
    threads: int | _Unchanged | None = _UNCHANGED,
    task_bytes: int | _Unchanged | None = _UNCHANGED,
    compiled: bool | _Unchanged = _UNCHANGED,
    progress: bool | _Unchanged = _UNCHANGED,
) -> AbstractContextManager[Options]:
    """Change options inside a ``with`` block; options not given keep their values.

    The options are local to the context (a thread, an asyncio task), are read once when a public
    function is called, and also hold in the threads and Dask tasks of that call.

    Parameters
    ----------
    precision : {"accurate", "fast", "tf32"}, optional
        ``"accurate"`` (the default outside any block) recomputes from the raw differences every
        entry that suffers from cancellation in the matrix product; ``"fast"`` leaves this out;
        ``"tf32"`` also allows TF32 products (CuPy only).
    check_finite : bool, optional
        Whether inputs are checked for NaN and infinity, which are errors (True outside any block).
    tile_bytes : int or None, optional
        The size of a tile; None leaves the choice to the backend.
    threads : int or None, optional
        The number of threads; None leaves the choice to the backend.
    task_bytes : int or None, optional
        The memory that a task on Dask arrays may use; None goes by the workers' memory.
    compiled : bool, optional
        Whether to use loops over tiles compiled by numba (True outside any block). They exist for
        NumPy arrays and need the extra ``[fast]``. Results with and without them agree to rounding;
        each are reproducible bit for bit.
    progress : bool, optional
        Whether long computations show a progress bar on standard error (False outside any block);
        needs the extra ``[progress]``. For Dask, use the bars of ``dask.diagnostics``.

    Returns
    -------
    context manager
        Yields the `Options` of the block; works as a decorator, too.

    Raises
    ------
    TypeError
        An option is of the wrong type.
    ValueError
        An option has an impossible value.
    ImportError
        ``progress=True`` without tqdm installed.

    Examples
    --------
    >>> import numpy as np
    >>> import maha_core as mc
    >>> X = np.asarray([[0.0], [3.0]])
    >>> with mc.options(precision="fast", threads=1):
    ...     mc.sqdist(X)
    array([[0., 9.],
           [9., 0.]])
    """
    given = {
        "precision": precision,
        "check_finite": check_finite,
        "tile_bytes": tile_bytes,
        "threads": threads,
        "task_bytes": task_bytes,
        "compiled": compiled,
        "progress": progress,
    }
    changes = {name: value for name, value in given.items() if value is not _UNCHANGED}
    Options(**changes)  # type: ignore[arg-type]  # refuses bad values here, not at the with statement
    if progress is True:
        check_installed()
    return _changed(changes)


@contextmanager
def _changed(changes: dict[str, Any]) -> Iterator[Options]:
    token = _current.set(replace(_current.get(), **changes))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
