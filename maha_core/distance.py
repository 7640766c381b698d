"""Squared distances, distances and nearest points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maha_core import small_blocks, validation
from maha_core.batches import backend_of_batch, given, is_batch, over_members
from maha_core.call import Call, prepare
from maha_core.problem import Neighbors
from maha_core.sweeps.distances import NEW_SQDIST, Root, Sqdist
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.pairs import PairSqdist
from maha_core.sweeps.roots import Dist

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT, PairIndices
    from maha_core.metrics import Metric
    from maha_core.problem import Problem

Array = Any


def sqdist(
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    pairs: PairIndices | None = None,
    out: ArrayT | None = None,
) -> ArrayT:
    """Return squared Mahalanobis distances ``D_ij = (x_i - y_j)^T M (x_i - y_j)``.

    Parameters
    ----------
    X : array (..., n, d)
        Points as rows, in any library that has a backend or follows the array API standard;
        float32 or float64 (integers are taken as the widest float).
    Y : array (..., m, d), optional
        Other points, of X's library, device and dtype. If not given, Y is X: the result is exactly
        symmetric with an exactly zero diagonal.
    metric : Full, Factor, Diagonal or Covariance, optional
        The metric; the Euclidean one if not given. Leading axes of X, Y and the metric's parameter
        are batch axes and broadcast.
    pairs : tuple of integer arrays (p,), optional
        Row numbers ``(i, j)``: only these distances, by direct differences at a cost linear in p.
    out : array (n, m) or (p,), optional
        Where to write the result, in libraries whose arrays can be written.

    Returns
    -------
    D : array (..., n, m) or (p,)
        Squared distances in X's library, device and dtype, in squared units of the metric.

    Raises
    ------
    TypeError
        An argument is not an accepted array, or its library or floating dtype differs from X's.
    ValueError
        Shapes, devices or values do not fit; NaN or infinity; S is not positive definite.
    MemoryError
        D cannot fit in memory.

    Notes
    -----
    Computed as ``a_i + b_j - 2 u_i . v_j`` by one matrix product; entries that cancel there are
    found and recomputed from the raw differences (unless ``options(precision="fast")``). NumPy
    arrays of few columns take differences of the embedded points in place of a product.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> mc.sqdist(X)
    array([[ 0., 25.],
           [25.,  0.]])
    >>> mc.sqdist(X, metric=mc.Factor(np.array([[1.0, 0.0]])), pairs=(np.array([0]), np.array([1])))
    array([9.])
    """
    if is_batch(X, Y, metric):
        return _of_batch(sqdist, X, Y, metric, given(pairs=pairs, out=out))
    call = prepare(X, Y, metric)
    if pairs is not None:
        return _pair_sqdist(call, pairs, out)
    if out is None:
        return call.backend.run(call.problem, NEW_SQDIST)
    check_out(call, out, (call.problem.n, call.problem.m))
    return call.backend.run(call.problem, Sqdist(out))


def dist(
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    pairs: PairIndices | None = None,
    out: ArrayT | None = None,
) -> ArrayT:
    """Return Mahalanobis distances, the square root of `sqdist`.

    Parameters
    ----------
    X, Y, metric, pairs, out
        As in `sqdist`.

    Returns
    -------
    distances : array (n, m) or (p,)
        In units of the metric.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `sqdist`; also ValueError where the metric makes a squared distance negative.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.dist(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([[0., 5.],
           [5., 0.]])
    """
    if is_batch(X, Y, metric):
        return _of_batch(dist, X, Y, metric, given(pairs=pairs, out=out))
    call = prepare(X, Y, metric)
    if pairs is None:
        if out is not None:
            check_out(call, out, (call.problem.n, call.problem.m))
        return call.backend.run(call.problem, Dist(out))
    return call.backend.run(call.problem, Root(_pair_sqdist(call, pairs, out), out))


def nearest(
    X: ArrayT, Y: ArrayProtocol | None = None, *, k: int, metric: Metric | None = None
) -> Neighbors[ArrayT]:
    """Return the k nearest points of every row of X, without storing D.

    Parameters
    ----------
    X, Y, metric
        As in `sqdist`. Without Y, a point is not its own neighbour (pairs with i = j are left out;
        duplicates of a point are not).
    k : int
        The number of neighbours, from 1 to m (to n - 1 without Y).

    Returns
    -------
    Neighbors
        ``sqdist (n, k)`` in ascending order and ``index (n, k)``; ties go to the lower index.

    Raises
    ------
    TypeError, ValueError
        As in `sqdist`; also ValueError where k exceeds the number of possible neighbours.

    Notes
    -----
    Time O(n m d), memory O((n + m) d + n k) and one tile per thread.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> found = mc.nearest(np.array([[0.0], [1.0], [3.0]]), k=1)
    >>> found.index.ravel().tolist(), found.sqdist.ravel().tolist()
    ([1, 0, 1], [1.0, 1.0, 4.0])
    """
    call = prepare(X, Y, metric)
    problem = call.problem
    return call.backend.run(problem, Nearest(_neighbour_count(k, problem)))


def _neighbour_count(k: object, problem: Problem) -> int:
    if problem.n == 0:  # no row, so that none has too few neighbours
        return validation.count(k, "k", math.inf, "it counts neighbours")
    if problem.Y is None:
        why = f"X has {problem.n} points, and none is its own neighbour"
        return validation.count(k, "k", problem.n - 1, why)
    return validation.count(k, "k", problem.m, f"Y has {problem.m} points")


def _of_batch(
    function: Callable[..., Array],
    X: Array,
    Y: Array | None,
    metric: Metric | None,
    alone: list[str],
) -> Array:
    """Return the matrices ``(..., n, m)`` of a batch, which does not accept the `alone` ones."""

    def member(X: Array, Y: Array | None, metric: Metric | None) -> Array:
        return function(X, Y, metric=metric)

    backend = backend_of_batch(X, Y, metric)
    if not alone and small_blocks.are_small(X, Y, metric):
        return small_blocks.of_pairs(backend, function, X, Y, metric)
    return over_members(member, X, Y, metric, alone=alone)


def _pair_sqdist(call: Call, pairs: tuple[Array, Array], out: Array | None) -> Array:
    listed = call.pairs(pairs)
    if out is not None:
        check_out(call, out, tuple(listed.i.shape))
    D = call.backend.run(call.problem, PairSqdist(listed))
    if out is None:
        return D
    out[...] = D
    return out


def check_out(call: Call, out: Array, shape: tuple[int, ...]) -> None:
    """Raise where a result cannot be written to `out`."""
    backend, problem = call.backend, call.problem
    validation.same_library(backend, out, "out", problem.X)
    if not backend.writable(out):
        raise TypeError("out cannot be given: arrays of X's library cannot be written in place")
    validation.same_device(backend, out, "out", problem.X)
    validation.check_shape(out, shape, "out", "the result")
    if out.dtype != problem.X.dtype:
        raise ValueError(f"out has dtype {out.dtype}; the result has {problem.X.dtype}")
    backend.check_writable(out, "out")
    inputs = {"X": problem.X, "Y": problem.Y}
    if problem.metric is not None:
        inputs["metric"] = problem.metric.parameter
    for name, value in inputs.items():
        if value is not None and backend.overlap(out, value):
            raise ValueError(f"out overlaps {name}, which must not be modified; pass another array")
