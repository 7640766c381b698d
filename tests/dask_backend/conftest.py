"""Data for the tests of the Dask backend, and one small real cluster."""

import pytest

pytest.importorskip("dask.array", reason="Dask is not installed")


@pytest.fixture(scope="session")
def client():
    """A client of two worker processes of one thread each, over TCP."""
    import clusters

    with clusters.started(workers=2) as client:
        yield client
