"""Dask arrays whose chunks are CuPy's: maha_dask knows nothing of it, and results stay CuPy."""

import numpy as np
import pytest

import lazy_problems as problems

dask = pytest.importorskip("dask", reason="Dask is not installed")
da = pytest.importorskip("dask.array", reason="Dask is not installed")


def on_device(gpu, values):
    return {name: gpu.asarray(array) for name, array in values.items()}


def lazy(values):
    """Return the points and what is cut like them in chunks, the rest as it is."""
    cut = {"X": problems.ROWS, "Y": problems.COLUMNS, "y_Y": problems.COLUMNS}
    return {
        name: da.from_array(array, chunks=(cut[name], *array.shape[1:]), asarray=False)
        if name in cut
        else array
        for name, array in values.items()
    }


@pytest.fixture(scope="module")
def expected():
    """NumPy's results, one for every public function."""
    return problems.results(**problems.arrays())


@pytest.fixture
def found(gpu):
    """The same, lazy, of chunks on the device."""
    index = (gpu.asarray(values) for values in problems.PAIRS)
    return problems.results(**lazy(on_device(gpu, problems.arrays())), pairs=tuple(index))


def test_chunks_stay_on_the_device(gpu, library, found, expected):
    for name, result in found.items():
        leaves = problems.leaves(result)
        assert {type(leaf._meta) for leaf in leaves} == {gpu.ndarray}, name
        wanted = problems.leaves(expected[name])
        for part, exact in zip(dask.compute(*leaves, scheduler="threads"), wanted, strict=True):
            assert type(part) is gpu.ndarray, name
            np.testing.assert_allclose(
                library.numpy(part), exact, rtol=1e-9, atol=1e-9, err_msg=name
            )
