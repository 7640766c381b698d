"""Real clusters: worker processes of one thread each, over TCP."""

import contextlib
import time

import pytest

STEP = 60
"""Nothing that a test waits for takes so many seconds: longer is a hang."""


@contextlib.contextmanager
def started(workers):
    """Yield a client, which is nobody's default."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    config = pytest.importorskip("dask.config")
    # This long after the loss of a worker, a cluster closes its nanny unless the worker is back. In
    # a second restart at that moment it is not back yet, and the nanny would be lost.
    with (
        config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            protocol="tcp",
            dashboard_address=":0",
            memory_limit="2GiB",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def wait_until(holds):
    """Wait until something is so, or fail."""
    end = time.monotonic() + STEP
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
