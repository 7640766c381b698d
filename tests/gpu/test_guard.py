"""What kernels recompute and leave out is right, against brute force."""

import numpy as np
import pytest

import forms
import maha_core as mc
import oracle
from closeness import assert_close
from maha_core.guard import TARGET
from oracle import FORMS

DTYPES = ("float32", "float64")
WIDTHS = (3, 64, 70)


def clustered(width, dtype, n, shift=300.0):
    rng = np.random.default_rng([width, n])
    X = rng.standard_normal((n, width))
    X[::3] += shift
    X[5] = X[3]
    return X.astype(dtype)


def parameter(form, width, dtype):
    rng = np.random.default_rng(width)
    return oracle.parameter(form, width, rng, dtype)


@pytest.mark.parametrize("n", [1, 8, 127, 129])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["euclidean", "diagonal"])
def test_entries_far_below_the_norms(gpu, library, form, dtype, width, n):
    X = clustered(width, dtype, max(n, 6))[:n]
    weights = np.linspace(0.5, 2, width).astype(dtype)
    given = None if form == "euclidean" else weights
    D = library.numpy(mc.sqdist(gpu.asarray(X), metric=forms.metric(form, *library.arrays(given))))
    delta = X[:, None, :].astype(np.longdouble) - X[None, :, :]
    exact = (delta * delta * (1 if given is None else given)).sum(axis=-1)
    assert np.all(np.abs(D - exact) <= getattr(TARGET, dtype) * exact)
    assert np.array_equal(D, D.T)
    assert not D.diagonal().any()


@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("form", FORMS)
def test_every_metric_at_every_width(gpu, library, form, width, with_Y):
    X, given = clustered(width, "float64", 40, shift=0.0), parameter(form, width, "float64")
    Y = X[:17] + 0.25 if with_Y else None
    arrays = library.arrays(X, Y)
    D = library.numpy(mc.sqdist(*arrays, metric=forms.metric(form, *library.arrays(given))))
    exact = oracle.sqdist(X, Y, form, given)
    assert_close(D, exact, np.abs(exact).max() * width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("precision", ["accurate", "fast"])
def test_nan_stays_where_it_is(gpu, library, precision, width):
    X = clustered(width, "float32", 30)
    X[4, 1] = np.nan
    with mc.options(check_finite=False, precision=precision):
        D = library.numpy(mc.sqdist(gpu.asarray(X), gpu.asarray(X[:20])))
    assert np.isnan(D[4]).all()
    assert np.isnan(D[:, 4]).all()


@pytest.mark.parametrize("order", ["rows", "columns", "steps"])
@pytest.mark.parametrize("width", WIDTHS)
def test_out_may_have_any_strides(gpu, library, width, order):
    X = gpu.asarray(clustered(width, "float64", 30))
    out = {
        "rows": gpu.empty((30, 30)),
        "columns": gpu.empty((30, 30)).T,
        "steps": gpu.empty((60, 90))[::2, ::3],
    }[order]
    assert mc.sqdist(X, out=out) is out
    assert np.array_equal(library.numpy(out), library.numpy(mc.sqdist(X)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", WIDTHS)
def test_gradients_of_far_clusters(gpu, library, width, dtype):
    """What the Laplacian product would cancel comes from raw differences."""
    X = clustered(width, dtype, 60, shift=1e3 if dtype == "float32" else 1e5)
    w = np.linspace(0.5, 2, width).astype(dtype) / width
    loss = mc.losses.Pairwise(lambda D: (-library.xp.exp(-D), library.xp.exp(-D)))
    with mc.options(tile_bytes=2**12):
        _, gradient = mc.value_and_grad(
            loss, gpu.asarray(X), metric=mc.Diagonal(gpu.asarray(w)), wrt=("metric", "X")
        )
    D = oracle.sqdist(X, None, "diagonal", w)
    G = np.exp(-D.astype(np.longdouble))
    np.fill_diagonal(G, 0)
    expected = oracle.pullback(G, X, None, "diagonal", w)
    for name in ("metric", "X"):
        exact = np.asarray(expected[name])
        assert_close(library.numpy(getattr(gradient, name)), exact, np.abs(exact).max() * 50)
