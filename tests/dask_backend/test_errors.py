"""What metadata shows is refused in the call, what values show at compute, with the block."""

import re

import dask
import dask.array as da
import dask.bag
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc
import travelling


def computed(result):
    return dask.compute(*problems.leaves(result))


def with_nan():
    values = problems.draw(40, 3)
    values[25, 1] = np.nan
    return da.from_array(values, chunks=(10, 3))


CALLS = {
    "sqdist": lambda X: mc.sqdist(X),
    "dist": lambda X: mc.dist(X),
    "pairs": lambda X: mc.sqdist(X, pairs=(np.array([0]), np.array([25]))),
    "nearest": lambda X: mc.nearest(X, k=2),
    "vjp": lambda X: mc.vjp(X, cotangent=np.ones((40, 40))),
    "jvp": lambda X: mc.jvp(X, X_tangent=da.ones((40, 3), chunks=(10, 3))),
    "MLKR": lambda X: mc.value_and_grad(mc.losses.MLKR(np.arange(40.0)), X),
    "embed": lambda X: mc.Factor(np.eye(3)).embed(X),
    "covariance": lambda X: mc.Covariance.from_points(X).parameter,
}


@pytest.mark.parametrize("name", CALLS)
def test_nan_names_the_argument_and_the_rows_of_the_chunk(name):
    result = CALLS[name](with_nan())
    with pytest.raises(ValueError, match=r"X, rows 20 \.\.\. 29, contains NaN or infinity"):
        computed(result)


@pytest.mark.parametrize("name", ["y", "X_tangent", "cotangent", "A"])
def test_nan_in_what_is_beside_X(name):
    X = da.from_array(problems.draw(40, 3), chunks=(10, 3))
    bad = np.full((40,), np.nan)
    calls = {
        "y": lambda: mc.value_and_grad(mc.losses.MLKR(bad), X),
        "X_tangent": lambda: mc.jvp(X, X_tangent=np.repeat(bad[:, None], 3, axis=1)),
        "cotangent": lambda: mc.vjp(X, cotangent=np.repeat(bad[:, None], 40, axis=1)),
        "A": lambda: mc.sqdist(X, metric=mc.Factor(bad[:3].reshape(1, 3))),
    }
    result = calls[name]()
    with pytest.raises(ValueError, match=rf"\b{name}\b.*contains NaN or infinity"):
        computed(result)


def test_nan_in_lazy_data_names_the_rows_of_their_chunk():
    X, y = da.from_array(problems.draw(40, 3), chunks=(10, 3)), np.arange(40.0)
    y[25] = np.nan
    value, _ = mc.value_and_grad(mc.losses.MLKR(da.from_array(y, chunks=10)), X)
    for scheduler in ("synchronous", "threads"):
        with pytest.raises(ValueError, match=r"y, rows 20 \.\.\. 29, contains NaN or infinity"):
            value.compute(scheduler=scheduler)


LATE = {
    "singular": (lambda X: mc.sqdist(X, metric=mc.Covariance(np.ones((3, 3)))), "ridge"),
    "negative": (lambda X: mc.dist(X, metric=mc.Diagonal(-np.ones(3))), "negative squared"),
    "index": (lambda X: mc.sqdist(X, pairs=(np.array([0]), np.array([40]))), r"pairs\[1\]"),
    "no factor": (lambda X: mc.Diagonal(-np.ones(3)).embed(X), "no factor"),
}


@pytest.mark.parametrize("name", LATE)
def test_what_needs_values_is_refused_at_compute_as_elsewhere(name):
    call, message = LATE[name]
    values = problems.draw(40, 3)
    with pytest.raises(ValueError, match=message) as at_once:
        call(values)
    late = call(da.from_array(values, chunks=(10, 3)))
    with pytest.raises(ValueError, match=message) as at_compute:
        computed(late)
    assert type(at_compute.value) is type(at_once.value)


EARLY = {
    "shape of y": lambda X: mc.value_and_grad(mc.losses.MLKR(np.zeros(3)), X),
    "columns": lambda X: mc.sqdist(X, X[:, :2]),
    "k": lambda X: mc.nearest(X, k=40),
    "one point": lambda X: mc.value_and_grad(mc.losses.MLKR(np.zeros(1)), X[:1]),
    "too few for a covariance": lambda X: mc.Covariance.from_points(X[:2]),
    "wrt": lambda X: mc.vjp(X, cotangent=np.ones((40, 40)), wrt="Y"),
}


@pytest.mark.parametrize("name", EARLY)
def test_what_metadata_shows_is_refused_in_the_call(name):
    with pytest.raises(ValueError):
        EARLY[name](da.from_array(problems.draw(40, 3), chunks=(10, 3)))


def test_out_cannot_be_given():
    X = da.from_array(problems.draw(6, 3), chunks=(3, 3))
    for out in (np.zeros((6, 6)), da.zeros((6, 6))):
        with pytest.raises(TypeError, match="out"):
            mc.sqdist(X, out=out)


def test_X_decides():
    X, strict = problems.draw(6, 3), pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="Y"):
        mc.sqdist(X, da.from_array(X, chunks=(3, 3)))
    with pytest.raises(TypeError, match="Y"):
        mc.sqdist(da.from_array(X, chunks=(3, 3)), strict.asarray(X))
    with pytest.raises(TypeError, match="float32"):
        mc.sqdist(da.from_array(X, chunks=(3, 3)), X.astype(np.float32))


@pytest.mark.parametrize("kind", ["masked", "float16", "object", "delayed", "bag"])
def test_chunks_of_another_kind_are_refused(kind):
    values = problems.draw(6, 3)
    X = {
        "masked": lambda: da.ma.masked_array(da.from_array(values, chunks=(3, 3)), False),
        "float16": lambda: da.from_array(values.astype(np.float16)),
        "object": lambda: da.from_array(values.astype(object), chunks=(3, 3)),
        "delayed": lambda: dask.delayed(values),
        "bag": lambda: dask.bag.from_sequence(values.tolist()),
    }[kind]()
    with pytest.raises(TypeError, match="X"):
        mc.sqdist(X)


def test_options_must_suit_the_backend_of_the_chunks():
    X = da.ones((3, 2))
    with mc.options(precision="tf32"), pytest.raises(ValueError, match="tf32.*'numpy'"):
        mc.sqdist(X)


def test_the_generic_backend_does_not_serve_dask():
    with mc.use_backend("generic"), pytest.raises(TypeError, match="use_backend"):
        mc.sqdist(da.ones((3, 2)))


def test_a_task_that_fails_names_its_block():
    X = da.from_array(problems.draw(20, 3), chunks=(10, 3))
    value, _ = mc.value_and_grad(mc.losses.Pairwise(travelling.fails), X)
    with pytest.raises(RuntimeError, match="the loss's own error") as raised:
        value.compute(scheduler="synchronous")
    assert re.search(r"block \([01], [01]\)", "".join(raised.value.__notes__))
