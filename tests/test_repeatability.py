"""The same bits every time, on any number of threads."""

import hashlib
import warnings
from concurrent.futures import ThreadPoolExecutor

import dask.array as da
import numpy as np
import pytest
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning

import maha_core as mc
from maha_core import learn

RUNS, N, M, D = 20, 1100, 900, 12


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _inputs(dtype):
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)  # noqa: E731
    return draw(N, D), draw(M, D), mc.Factor(draw(5, D) / 4), draw(N, M), draw(N), draw(M)


def _bits_of_sqdist(X, Y, metric, G, y, y_Y):
    return mc.sqdist(X, Y, metric=metric), mc.sqdist(X, metric=metric)


def _bits_of_vjp(X, Y, metric, G, y, y_Y):
    square = np.concatenate([G, G[:, : N - M]], axis=1)
    return (
        *mc.vjp(X, Y, metric=metric, cotangent=G, wrt=("metric", "X", "Y")),
        *mc.vjp(X, metric=metric, cotangent=square, wrt=("metric", "X"))[:2],
    )


def _bits_of_mlkr(X, Y, metric, G, y, y_Y):
    with_Y = mc.value_and_grad(
        mc.losses.MLKR(y, y_Y), X, Y, metric=metric, wrt=("metric", "X", "Y")
    )
    alone = mc.value_and_grad(mc.losses.MLKR(y), X, metric=metric)
    return with_Y[0], *with_Y[1], alone[0], alone[1].metric


def _bits_of_pairwise(X, Y, metric, G, y, y_Y):
    loss = mc.losses.Pairwise(lambda D: (D * D, 2 * D), symmetric=True)
    with_Y = mc.value_and_grad(loss, X, Y, metric=metric, wrt=("metric", "X", "Y"))
    alone = mc.value_and_grad(loss, X, metric=metric, wrt=("metric", "X"))
    return with_Y[0], *with_Y[1], alone[0], alone[1].metric, alone[1].X


def _bits_of_nearest(X, Y, metric, G, y, y_Y):
    return *mc.nearest(X, metric=metric, k=7), *mc.nearest(X, Y, metric=metric, k=70)


def _bits_of_within(X, Y, metric, G, y, y_Y):
    return *mc.within(X, Y, radius=0.7), *mc.within(X, metric=metric, radius=0.7, sort=True)


BITS = [
    _bits_of_sqdist,
    _bits_of_vjp,
    _bits_of_mlkr,
    _bits_of_pairwise,
    _bits_of_nearest,
    _bits_of_within,
]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_hash_for_every_run_and_every_number_of_threads(bits, dtype):
    inputs = _inputs(dtype)
    seen = set()
    for run in range(RUNS):
        with mc.options(threads=1 + run % 3):
            seen.add(_digest(*bits(*inputs)))
    seen.add(_digest(*bits(*inputs)))
    assert len(seen) == 1


@pytest.mark.parametrize("bits", BITS)
def test_the_users_own_limit_of_blas_changes_no_bit(bits):
    inputs = _inputs("float32")
    seen = set()
    for limit in (1, 2, 3):
        with threadpoolctl.threadpool_limits(limit, user_api="blas"):
            seen.add(_digest(*bits(*inputs)))
    assert len(seen) == 1


def _wide(dtype):
    """Return points and a covariance: products and factorisations that BLAS does in threads."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((700, 150)).astype(dtype)
    return X, (X.T @ X / 700 + np.eye(150)).astype(dtype)


def _labels(X):
    return (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def _fitted(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


ALONE = {
    "from_points": lambda X, S: mc.Covariance.from_points(X).parameter,
    "Covariance.matrix": lambda X, S: mc.Covariance(S).matrix(),
    "Covariance.to_factor": lambda X, S: mc.Covariance(S).to_factor().parameter,
    "Covariance.embed": lambda X, S: mc.Covariance(S).embed(X),
    "Covariance in sqdist": lambda X, S: mc.sqdist(X[:2], metric=mc.Covariance(S)),
    "Full.to_factor": lambda X, S: mc.Full(S).to_factor().parameter,
    "Full.nearest_psd": lambda X, S: (
        mc.Full(S - 2 * np.eye(150, dtype=S.dtype)).nearest_psd().parameter
    ),
    "Full.is_psd": lambda X, S: np.asarray(mc.Full(S).is_psd()),
    "Full.embed": lambda X, S: mc.Full(S).embed(X),
    "Factor.matrix": lambda X, S: mc.Factor(X).matrix(),
    "Factor.embed": lambda X, S: mc.Factor(S).embed(X),
    "Factor.embed in one dimension": lambda X, S: mc.Factor(S[:1]).embed(X),
    "Diagonal.embed": lambda X, S: mc.Diagonal(S[0] ** 2).embed(X),
    "NCA by PCA": lambda X, S: (
        _fitted(learn.NCA(5, init="pca", max_iter=1), X, _labels(X)).components_
    ),
    "NCA by LDA": lambda X, S: (
        _fitted(learn.NCA(2, init="lda", max_iter=1), X, _labels(X)).components_
    ),
    "NCA's transform": lambda X, S: _fitted(
        learn.NCA(max_iter=1, init="identity"), X, _labels(X)
    ).transform(X),
    "LMNN": lambda X, S: _fitted(learn.LMNN(2, max_iter=1), X, _labels(X)).components_,
    "MLKR": lambda X, S: _fitted(learn.MLKR(5, alpha=0.0, max_iter=1), X, X[:, 0]).predict(X),
    "get_metric": lambda X, S: np.asarray(learn.point_distance.PointDistance(S)(X[0], X[1])),
}


IN_MEMORY = ("Factor.matrix", "Full.is_psd", "get_metric")
CASES = [(name, "numpy") for name in ALONE]
CASES += [(name, "dask") for name in ALONE if name not in IN_MEMORY]


@pytest.mark.cases(28)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "root"), CASES)
def test_products_beside_the_sweeps_do_not_heed_the_users_limit(name, root, dtype):
    X, S = _wide(dtype)
    if root == "dask":
        X = da.from_array(X, chunks=(300, -1))
    seen = set()
    for limit in (1, 2, 3):
        with threadpoolctl.threadpool_limits(limit, user_api="blas"):
            seen.add(_digest(np.asarray(ALONE[name](X, S))))
    assert len(seen) == 1


def test_calls_that_overlap_give_the_bits_of_one_alone():
    inputs = _inputs("float64")
    alone = _digest(*_bits_of_mlkr(*inputs))
    with ThreadPoolExecutor(4) as pool:
        overlapping = list(pool.map(lambda _: _digest(*_bits_of_mlkr(*inputs)), range(12)))
    assert set(overlapping) == {alone}
