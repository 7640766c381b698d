"""One fixture, `library`: every test that takes it runs once per array library.

`pytest` takes every library that is installed, `pytest --backend numpy,strict` only these; tests
without `library` belong to numpy. CuPy needs a GPU, or `pytest --backend cupy --fake-cupy`.
"""

import zlib

import pytest

import libraries


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        default=",".join(name for name in libraries.FAMILIES if name != "cupy"),
        help=f"comma separated, of {', '.join(libraries.FAMILIES)} (default: all but cupy)",
    )
    parser.addoption(
        "--fake-cupy",
        action="store_true",
        help="CuPy without a GPU: kernels run on the CPU, and transfers are counted",
    )
    parser.addoption(
        "--fault-schedules",
        type=int,
        default=3,
        help="how many seeded schedules of dying workers to run (default: 3, one for each way)",
    )
    parser.addoption(
        "--on-cluster",
        action="store_true",
        help="compute what is Dask's on two worker processes instead of threads",
    )


def pytest_generate_tests(metafunc):
    if "fault_schedule" in metafunc.fixturenames:
        count = metafunc.config.getoption("--fault-schedules")
        metafunc.parametrize("fault_schedule", range(count))


@pytest.fixture(scope="session", autouse=True)
def _cluster(request):
    """Be the default of every compute, where `--on-cluster` asks for it."""
    if not request.config.getoption("--on-cluster"):
        yield
        return
    import clusters

    with clusters.started(workers=2) as client, client.as_current():
        yield


def pytest_configure(config):
    if config.getoption("--fake-cupy"):
        import fake_cupy

        fake_cupy.install()
    config.addinivalue_line("filterwarnings", "error")
    if config.getoption("--on-cluster"):
        # What tests hold in memory travels with the graph; graphs of ours have a test of their own.
        config.addinivalue_line("filterwarnings", "ignore:Sending large graph")
    config.addinivalue_line(
        "markers", "numpy_only: a case too many for libraries that only share the generic Backend"
    )
    chosen = _chosen(config)
    unknown = chosen - set(libraries.FAMILIES)
    if unknown:
        raise pytest.UsageError(
            f"--backend: unknown {', '.join(sorted(unknown))}; "
            f"known: {', '.join(libraries.FAMILIES)}"
        )


def pytest_collection_modifyitems(config, items):
    chosen = _chosen(config)
    kept = _few_on_jax([item for item in items if _wanted(item, chosen)])
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


@pytest.fixture(scope="session", params=libraries.NAMES)
def library(request):
    """The array library under test, as `libraries.Library`."""
    return libraries.load(request.param)


def _few_on_jax(items):
    """Keep one case of every test on JAX: it compiles every operation anew for every shape.

    Which one depends on the test's name, so that all forms and sizes have their turn.
    """
    cases = {}
    for item in items:
        if _library_of(item) == "jax":
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    one = {every[zlib.crc32(name.encode()) % len(every)] for name, every in cases.items()}
    return [item for item in items if _library_of(item) != "jax" or item in one]


def _chosen(config):
    return set(config.getoption("--backend").split(","))


def _library_of(item):
    return item.callspec.params.get("library") if hasattr(item, "callspec") else None


def _wanted(item, chosen):
    name = _library_of(item)
    if name is None:
        return "numpy" in chosen
    if item.get_closest_marker("numpy_only") and name != "numpy":
        return False
    return libraries.family(name) in chosen
