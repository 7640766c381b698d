"""Kernel machines on chunks, by threads and on worker processes: the numbers of whole arrays."""

import dask
import dask.array as da
import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone

import maha_core as mc
from learners import fitted
from maha_core.learn import RFM, GaussianProcess, KernelRidge, gaussian_process, kernel_system

N, CHUNK = 60, 35


@pytest.fixture(params=["threads", "workers"])
def scheduler(request, client):
    """Either scheduler, by which everything lazy is computed."""
    chosen = client if request.param == "workers" else "threads"
    with dask.config.set(scheduler=chosen):
        yield request.param


@pytest.fixture(params=["direct", "iterated"])
def solver(request, monkeypatch):
    if request.param == "iterated":
        monkeypatch.setattr(kernel_system, "DIRECT", 0)
        monkeypatch.setattr(gaussian_process, "DIRECT", 0)
    return request.param


def points():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, 3))
    return X, np.sin(2 * X[:, 0]) + 0.1 * rng.standard_normal(N)


def chunked(X, y):
    return da.from_array(X, chunks=(CHUNK, 3)), da.from_array(y, chunks=CHUNK)


MACHINES = {
    "ridge": KernelRidge("laplace", alpha=1.0, tol=1e-7),
    "rfm": RFM(n_iter=1, bandwidth=2.0, alpha=1.0, tol=1e-7),
    "process": GaussianProcess("matern32", max_iter=0, noise=0.5, n_probes=2, random_state=0),
}


@pytest.mark.parametrize("name", MACHINES)
def test_numbers_are_those_of_whole_arrays(name, solver, scheduler):
    X, y = points()
    expected = fitted(clone(MACHINES[name]), X, y)
    found = fitted(clone(MACHINES[name]), *chunked(X, y))
    close = 1e-4 if solver == "iterated" else 1e-8
    new = da.from_array(X[:30] + 0.1, chunks=(20, 3))
    np.testing.assert_allclose(found.predict(new), expected.predict(X[:30] + 0.1), atol=close)
    np.testing.assert_allclose(found.dual_coef_, expected.dual_coef_, atol=10 * close)


def test_classes_of_chunks(scheduler):
    X, y = points()
    labels = (y > 0).astype(int)
    model = mc.learn.RFMClassifier(n_iter=1, bandwidth=2.0, alpha=0.1)
    expected = clone(model).fit(X, labels)
    found = clone(model).fit(*chunked(X, labels))
    np.testing.assert_array_equal(found.predict(chunked(X, y)[0]), expected.predict(X))
