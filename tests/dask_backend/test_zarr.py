"""From Zarr to Zarr: points larger than memory, and D as it lies on disk."""

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

zarr = pytest.importorskip("zarr", reason="zarr is not installed")


def test_D_goes_straight_to_zarr_block_by_block(tmp_path):
    values = problems.draw(50, 4)
    da.from_array(values, chunks=(20, 4)).to_zarr(str(tmp_path / "X"))
    X = da.from_zarr(str(tmp_path / "X"))
    metric = mc.Factor(problems.draw(2, 4, seed=1))
    mc.sqdist(X, metric=metric).to_zarr(str(tmp_path / "D"))
    stored = zarr.open_array(str(tmp_path / "D"), mode="r")
    assert stored.chunks == (20, 20)
    np.testing.assert_allclose(stored[:], mc.sqdist(values, metric=metric), rtol=1e-12)
    assert not np.diagonal(stored[:]).any()


def test_neighbours_of_points_on_disk_are_stored_in_one_pass(tmp_path):
    values, Y = problems.draw(50, 4), problems.draw(9, 4, seed=1)
    da.from_array(values, chunks=(20, 4)).to_zarr(str(tmp_path / "X"))
    found = mc.nearest(da.from_zarr(str(tmp_path / "X")), Y, k=3)
    with dask.config.set(scheduler="threads"):
        da.store(
            list(found),
            [
                zarr.create_array(
                    str(tmp_path / name), shape=part.shape, chunks=part.chunksize, dtype=part.dtype
                )
                for name, part in found._asdict().items()
            ],
        )
    expected = mc.nearest(values, Y, k=3)
    for name, part in expected._asdict().items():
        np.testing.assert_allclose(zarr.open_array(str(tmp_path / name))[:], part, rtol=1e-12)
