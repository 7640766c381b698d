"""One valid call of every public function, whose arguments a test may replace one at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import maha_core as mc

N, M, D, K = 6, 5, 3, 2


@dataclass(frozen=True)
class Call:
    """A call: what runs it, and NumPy data for each of its array arguments.

    The metric is given by its parameter, under the name of the constructor's argument (M, A, w,
    S); losses by their arrays (y, y_Y, sample_weight, data, data_Y); pairs by i and j.
    """

    run: Any
    arrays: dict[str, np.ndarray]

    def __call__(self, convert=lambda name, array: array, **replaced):
        arguments = {name: convert(name, array) for name, array in self.arrays.items()}
        return self.run(**{**arguments, **replaced})


def _data(rng):
    square = rng.standard_normal((D, D))
    return {
        "X": rng.standard_normal((N, D)),
        "Y": rng.standard_normal((M, D)),
        "M": square @ square.T,
        "A": rng.standard_normal((K, D)),
        "w": rng.random(D) + 0.5,
        "S": square @ square.T + np.eye(D),
        "cotangent": rng.standard_normal((N, M)),
        "metric_tangent": rng.standard_normal((K, D)),
        "X_tangent": rng.standard_normal((N, D)),
        "Y_tangent": rng.standard_normal((M, D)),
        "y": rng.standard_normal(N),
        "y_Y": rng.standard_normal(M),
        "sample_weight": rng.random(N) + 0.5,
        "data": rng.standard_normal(N),
        "data_Y": rng.standard_normal(M),
    }


DATA = _data(np.random.default_rng(0))


def _call(run, names):
    return Call(run, {name: DATA[name] for name in names.split()})


def full(X, Y, M, **more):
    return mc.sqdist(X, Y, metric=mc.Full(M), **more)


def sqdist(X, Y, A, **more):
    return mc.sqdist(X, Y, metric=mc.Factor(A), **more)


def dist(X, Y, w, **more):
    return mc.dist(X, Y, metric=mc.Diagonal(w), **more)


def kernel_matrix(X, Y, w, **more):
    return mc.kernel_matrix(mc.kernels.Matern52(), X, Y, metric=mc.Diagonal(w), **more)


def nearest(X, Y, S, k=2):
    return mc.nearest(X, Y, metric=mc.Covariance(S), k=k)


def jacobian(X, Y, A):
    return mc.jacobian(X, Y, metric=mc.Factor(A))


def jacobian_slice(X, Y, A, index=(1, 2)):
    return mc.jacobian_slice(X, Y, metric=mc.Factor(A), index=index)


def jvp(X, Y, A, **more):
    return mc.jvp(X, Y, metric=mc.Factor(A), **more)


def vjp(X, Y, A, wrt=("metric", "X", "Y"), **more):
    return mc.vjp(X, Y, metric=mc.Factor(A), wrt=wrt, **more)


def mlkr(X, Y, A, y, y_Y, sample_weight, wrt=("metric", "X", "Y")):
    loss = mc.losses.MLKR(y, y_Y, sample_weight=sample_weight)
    return mc.value_and_grad(loss, X, Y, metric=mc.Factor(A), wrt=wrt)


def pairwise(X, Y, A, data, data_Y, sample_weight, wrt=("metric", "X", "Y")):
    loss = mc.losses.Pairwise(
        lambda D, a, b: (D * a * b, D * 0 + a * b),
        data=data,
        data_Y=data_Y,
        sample_weight=sample_weight,
    )
    return mc.value_and_grad(loss, X, Y, metric=mc.Factor(A), wrt=wrt)


def embed(X, A):
    return mc.Factor(A).embed(X)


def from_points(X):
    return mc.Covariance.from_points(X).parameter


CALLS = {
    "sqdist of Full": _call(full, "X Y M"),
    "sqdist": _call(sqdist, "X Y A"),
    "dist": _call(dist, "X Y w"),
    "kernel_matrix": _call(kernel_matrix, "X Y w"),
    "nearest": _call(nearest, "X Y S"),
    "jacobian": _call(jacobian, "X Y A"),
    "jacobian_slice": _call(jacobian_slice, "X Y A"),
    "jvp": _call(jvp, "X Y A metric_tangent X_tangent Y_tangent"),
    "vjp": _call(vjp, "X Y A cotangent"),
    "MLKR": _call(mlkr, "X Y A y y_Y sample_weight"),
    "Pairwise": _call(pairwise, "X Y A data data_Y sample_weight"),
}
ALONE = {"embed": _call(embed, "X A"), "from_points": _call(from_points, "X")}


def every_argument(calls=None):
    """Return (call's name, argument's name) for all array arguments of all calls."""
    calls = {**CALLS, **ALONE} if calls is None else calls
    return [(name, argument) for name, call in calls.items() for argument in call.arrays]


def get(name):
    return {**CALLS, **ALONE}[name]


def leaves(result):
    """Return the arrays of a result, in order."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]
