"""Errors say what to write instead, in the words of the library at hand."""

import subprocess
import sys

import numpy as np
import pytest

import maha_core as mc

X = np.arange(12.0).reshape(4, 3)


def refusal(error, function, *arguments, **named):
    with pytest.raises(error) as caught:
        function(*arguments, **named)
    return str(caught.value)


def test_one_point_given_as_its_numbers():
    assert "write Y[None, :] for one point" in refusal(ValueError, mc.sqdist, X, X.mean(axis=0))
    assert "X have 3 columns" in refusal(ValueError, mc.sqdist, X, np.zeros(5))
    assert "Y[:, None]" in refusal(ValueError, mc.sqdist, X[:, :1], np.zeros(5))


@pytest.mark.parametrize(
    "function",
    [
        lambda X: mc.nearest(X, k=1),
        lambda X: mc.within(X, radius=1.0),
        lambda X: mc.jacobian(X, metric=mc.Full(np.eye(3))),
        lambda X: mc.Full(np.eye(3)).embed(X),
        lambda X: mc.KernelOperator(mc.kernels.Gaussian(), X),
        lambda X: mc.target_neighbors(X, np.zeros(2, dtype=int), k=1),
    ],
)
def test_where_there_are_no_batches_this_is_said(function):
    assert "there are no batches here" in refusal(ValueError, function, np.zeros((2, 4, 3)))


def test_torch_tensors_are_converted_by_to():
    torch = pytest.importorskip("torch")
    half, wide = torch.zeros(4, 3).half(), torch.zeros(4, 3).double()
    assert "write X.to(torch.float64)" in refusal(TypeError, mc.sqdist, half)
    assert "write Y.to(torch.float64)" in refusal(TypeError, mc.sqdist, wide, wide.float())
    assert "write torch.asarray(Y)" in refusal(TypeError, mc.sqdist, wide, X)
    assert "write Y.numpy(force=True)" in refusal(TypeError, mc.sqdist, X, wide)


def test_numpy_arrays_are_converted_by_astype():
    assert "write X.astype('float64')" in refusal(TypeError, mc.sqdist, X.astype(np.float16))
    assert "write Y.astype('float64')" in refusal(TypeError, mc.sqdist, X, X.astype(np.float32))


def test_dask_arrays_and_zarr():
    da, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    lazy = da.from_array(X)
    message = refusal(TypeError, mc.sqdist, X, lazy)
    assert "write dask.array.from_array(X), or Y.compute()" in message
    stored = zarr.array(X)
    assert "write dask.array.from_zarr(X), or X[:]" in refusal(TypeError, mc.sqdist, stored)


def test_an_array_of_a_library_apart_is_called_one():
    class Strange:
        shape, ndim, dtype = (4, 3), 2, "float64"

        def __getitem__(self, key):
            return self

    message = refusal(TypeError, mc.sqdist, Strange())
    assert "Strange without __array_namespace__" in message
    assert "must be an array, not" not in message


def test_an_estimator_given_as_a_metric():
    from maha_core.learn import Covariance

    fitted = Covariance().fit(X + np.eye(4, 3))
    assert "metric=estimator.metric_" in refusal(TypeError, mc.sqdist, X, metric=fitted)
    assert ".fit(...).metric_" in refusal(TypeError, mc.sqdist, X, metric=Covariance())
    assert "Factor(A) with its array" in refusal(TypeError, mc.sqdist, X, metric=mc.Factor)


@pytest.mark.parametrize(
    ("missing", "statement", "extra"),
    [("sklearn", "mc.learn", "learn"), ("tqdm", "mc.options(progress=True)", "progress")],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(missing, statement, extra):
    script = f"""
import importlib.util, sys
sys.modules[{missing!r}] = None
import maha_core as mc
try:
    {statement}
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert f'pip install ".[{extra}]"' in done.stdout, done.stderr
