"""`sklearn.metrics.pairwise_distances_chunked` for Mahalanobis distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.utils import check_array

from maha_core.compat.named_metrics import named

Array = Any

__all__ = ["pairwise_distances_chunked"]


def pairwise_distances_chunked(
    X: Any,
    Y: Any = None,
    *,
    reduce_func: Callable[[Array, int], Any] | None = None,
    metric: Any = "euclidean",
    n_jobs: int | None = None,
    working_memory: float | None = None,
    **kwds: Any,
) -> Iterator[Any]:
    """Yield chunks of rows of the distance matrix, or a function's results for them.

    Parameters
    ----------
    X : array_like (n, d)
    Y : array_like (m, d), optional
        If not given, Y is X, and the diagonal is 0.
    reduce_func : callable, optional
        ``reduce_func(D_chunk, start)`` for the distances of the rows from `start` on. It returns an
        array, a list or a sparse matrix with as many rows, a tuple of these, or None.
    metric, **kwds
        As in `maha_core.compat.scipy.cdist`, with `w`, `V` or `VI`; a default V or VI is that of X
        and Y together.
    n_jobs : int, optional
        Ignored: `maha_core.options` sets the number of threads.
    working_memory : float, optional
        The size of a chunk in MiB; by default scikit-learn's setting.

    Yields
    ------
    D_chunk : array of float64, or what `reduce_func` returns

    Raises
    ------
    TypeError, ValueError
        As in `maha_core.compat.scipy.cdist`, and where `reduce_func` returns another number of
        rows.

    See Also
    --------
    sklearn.metrics.pairwise_distances_chunked
    maha_core.reduce : sums over the rows of D, without storing D.

    Examples
    --------
    >>> import maha_core as mc
    >>> nearest = lambda D, start: D.argmax(axis=1)
    >>> chunks = mc.compat.sklearn.pairwise_distances_chunked([[0], [1], [5]], reduce_func=nearest)
    >>> [chunk.tolist() for chunk in chunks]
    [[2, 2, 0]]
    """
    X = check_array(X, dtype=np.float64, estimator="pairwise_distances_chunked")
    others = X if Y is None else check_array(Y, dtype=np.float64, input_name="Y")
    if X.shape[1] != others.shape[1]:
        raise ValueError(f"X has {X.shape[1]} columns and Y {others.shape[1]}; they must agree")
    given = {name: value for name, value in kwds.items() if value is not None}
    every = (lambda: X) if Y is None else (lambda: np.vstack([X, others]))
    asked = named(metric, every, X.shape[1], given)
    for start, stop in _chunks(len(X), len(others), working_memory):
        D = asked.between(X[start:stop], others)
        if reduce_func is None:
            yield D
            continue
        found = reduce_func(D, start)
        _check_rows(found, stop - start)
        yield found


def _chunks(n: int, m: int, working_memory: float | None) -> Iterator[tuple[int, int]]:
    memory = get_config()["working_memory"] if working_memory is None else working_memory
    rows = max(1, int(memory * 2**20) // (8 * m))
    for start in range(0, n, rows):
        yield start, min(start + rows, n)


def _check_rows(found: Any, rows: int) -> None:
    """Raise where a result of `reduce_func` has another number of rows."""
    for part in found if isinstance(found, tuple) else (found,):
        if part is None and not isinstance(found, tuple):
            return
        if isinstance(part, str | bytes) or not (
            hasattr(part, "shape") or hasattr(part, "__len__")
        ):
            raise TypeError(f"reduce_func must return sequences of {rows} rows; got {part!r:.80}")
        count = part.shape[0] if hasattr(part, "shape") else len(part)
        if count != rows:
            raise ValueError(f"reduce_func returned {count} rows for a chunk of {rows}")
