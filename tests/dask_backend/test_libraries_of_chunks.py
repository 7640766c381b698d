"""Chunks of other libraries: metadata say which, tasks compute with them, and results are of them.

CuPy's need a GPU, or `--backend cupy --fake-cupy`.
"""

from importlib import import_module

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

NAMES = sorted(problems.results(**problems.arrays()))
FEW = ["Pairwise, half", "nearest", "sqdist alone", "vjp"]  # JAX compiles each of them anew

# The libraries beside NumPy whose arrays Dask can hold.
every_library = pytest.mark.parametrize("library", ["jax", "cupy"], indirect=True)


def lazy(library, values):
    """Return data in chunks of a library, or in its arrays where they are in memory."""
    return {
        name: array.map_blocks(library.array, meta=library.array(array._meta))
        if isinstance(array, da.Array)
        else library.array(array)
        for name, array in problems.lazy(values).items()
    }


def computed(library, array):
    """Return a lazy array as NumPy's, whose chunks must all be of the library."""
    return array.map_blocks(library.numpy, dtype=array.dtype, meta=np.empty((0,) * array.ndim))


@every_library
def test_metadata_and_chunks_stay_of_the_library(library):
    values = problems.arrays()
    results = problems.results(**lazy(library, values))
    expected = problems.results(**values)
    for name in FEW if library.name == "jax" else NAMES:
        found = problems.leaves(results[name])
        for array in found:
            assert library.owns(array._meta), name
        in_memory = dask.compute(*(computed(library, array) for array in found))
        for array, wanted in zip(in_memory, problems.leaves(expected[name]), strict=True):
            np.testing.assert_allclose(array, wanted, rtol=1e-9, atol=1e-9, err_msg=name)


FUSED = {
    "MLKR": mc.losses.MLKR,
    "NCA": lambda y: mc.losses.NCA(y.astype("int64")),
    "NCA(log=True)": lambda y: mc.losses.NCA(y.astype("int64"), log=True),
    "Pairwise": lambda y: mc.losses.Pairwise(lambda D: np.exp(-D)),
}


@pytest.mark.parametrize("name", FUSED)
@every_library
def test_what_CuPy_fuses_is_fused_in_chunks(library, name):
    """Only the Laplacian product meets arrays of a tile's size beside CuPy's own kernels."""
    if library.name != "cupy" or "fake" not in import_module("cupy").__version__:
        pytest.skip("counts inside the CuPy that needs no GPU")
    import fake_cupy

    edge = 24  # of a tile: chunks of rows have two
    values = {"X": problems.draw(4 * edge, 3), "y": np.arange(4 * edge) % 3.0}
    X, y = (
        da.from_array(value, chunks=(2 * edge, *value.shape[1:])).map_blocks(
            library.array, meta=library.array(value[:0])
        )
        for value in values.values()
    )
    loss = FUSED[name](y)
    with mc.options(tile_bytes=8 * edge * edge, check_finite=False):
        value, gradient = mc.value_and_grad(loss, X, wrt="X")
    with fake_cupy.work.recorded() as launches:
        dask.compute(value, gradient.X, scheduler="synchronous")
    sizes = {(edge, edge), (2 * edge, 2 * edge), (edge, 2 * edge)}
    met = {launch.name for launch in launches if sizes.intersection(launch.shapes)}
    own = {launch.name for launch in launches if launch.name.startswith("maha_product")}
    assert met == {"__matmul__"}
    assert own
    assert all("summing" in one or "writing" in one for one in own)


@every_library
def test_empty_chunks_and_no_points_stay_of_the_library(library):
    X = da.from_array(problems.draw(6, 3), chunks=((0, 6, 0), (3,)))
    X = X.map_blocks(library.array, meta=library.array(X._meta))
    for points in (X, X[:0]):
        for array in (mc.sqdist(points), mc.nearest(points, k=2).index):
            assert library.owns(array._meta)
            assert computed(library, array).compute().shape == array.shape


@every_library
def test_what_is_beside_X_must_be_of_its_chunks(library):
    X = da.from_array(problems.draw(6, 3), chunks=(3, 3))
    X = X.map_blocks(library.array, meta=library.array(X._meta))
    with pytest.raises(TypeError, match=rf"Y is a numpy\.ndarray.*X a dask.*of {library.name}"):
        mc.sqdist(X, problems.draw(4, 3))
    with pytest.raises(TypeError, match=rf"Y is a dask.*of numpy.*X a dask.*of {library.name}"):
        mc.sqdist(X, da.from_array(problems.draw(4, 3)))
