"""One fixture, `library`: every test that takes it runs once per array library.

`pytest` takes every library that is installed, `pytest --backend numpy,strict` only these; tests
without `library` belong to numpy. CuPy needs a GPU, or `pytest --backend cupy --fake-cupy`.
"""

import math
import os
import zlib

import numpy as np
import pytest

import libraries

# Tests call what they compile once or twice, so XLA's optimisations cost more than they save.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")


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
        "--cases",
        type=int,
        help="run at most so many cases of every parametrized test, spread over all of them",
    )
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run all cases on every library, where torch, JAX and Dask otherwise have some",
    )
    parser.addoption(
        "--compile-all",
        action="store_true",
        help="compile passes for problems of any size, where otherwise only large ones have them",
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
    if "library" in metafunc.fixturenames and not _names_its_libraries(metafunc):
        # Only the chosen ones: to make the cases of all takes longer than to run a few.
        chosen = _chosen(metafunc.config)
        known = ("cupy",) if _is_about_cupy(metafunc.definition) else libraries.NAMES
        names = [name for name in known if libraries.family(name) in chosen]
        metafunc.parametrize("library", names, indirect=True, scope="session")
    if "fault_schedule" in metafunc.fixturenames:
        count = metafunc.config.getoption("--fault-schedules")
        metafunc.parametrize("fault_schedule", range(count))


def _is_about_cupy(item):
    """Tell whether a test is in tests/gpu, whose tests are about CuPy alone."""
    return item.path.parent.name == "gpu"


def _names_its_libraries(metafunc):
    given = (mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    return any(
        "library" in (names.split(",") if isinstance(names, str) else names) for names in given
    )


@pytest.fixture(autouse=True)
def _floating_point_errors(request):
    """Raise where ordinary data lead NumPy to a warning, or JAX to NaN."""
    on_device = request.config.getoption("--fake-cupy")  # a device warns of nothing
    if on_device or request.node.get_closest_marker("may_warn"):
        yield
        return
    with np.errstate(all="raise"), libraries.debug_nans():
        yield


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
    if config.getoption("--compile-all"):
        from maha_numpy import kernels

        kernels.FEWEST_COMPILED = 0
    config.addinivalue_line("filterwarnings", "error")
    if config.getoption("--on-cluster"):
        # What tests hold in memory travels with the graph; graphs of ours have a test of their own.
        config.addinivalue_line("filterwarnings", "ignore:Sending large graph")
    config.addinivalue_line(
        "markers", "may_warn: numbers at the ends of the dtype's range, or code that is not ours"
    )
    config.addinivalue_line("markers", "cases(most): so many cases are run, but with --exhaustive")
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
    wanted = [item for item in items if _wanted(item, chosen)]
    kept = wanted if config.getoption("--exhaustive") else _few(wanted, config.getoption("--cases"))
    staying = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in staying])
    items[:] = sorted(kept, key=lambda item: item.path.name not in FIRST)


FIRST = ("test_wide_data.py", "test_screened.py")
"""Long files whose names come late: at the end, one process would work on one alone."""


@pytest.fixture(scope="session")
def library(request):
    """The array library under test, as `libraries.Library`."""
    return libraries.load(request.param)


FEW = {"jax": 6, "torch": 6, "readonly": 4, "dask": 8, "strict": 16}
"""So many cases of a test are run on a library, but with --exhaustive.

torch, JAX and arrays that are read-only go to NumPy's engine, which has all cases, and JAX compiles
what tests themselves do for every shape; on Dask a case takes longest.
"""


def _few(items, most):
    """Keep at most so many cases of every test on every library.

    Where `most` is None, a test's mark and `FEW` say how many. Which ones depends on the test's
    name, so that all forms and sizes have their turn.
    """
    cases, kept = {}, set()
    for item in items:
        cases.setdefault((_library_of(item), item.nodeid.partition("[")[0]), []).append(item)
    for (library, name), every in cases.items():
        mark = every[0].get_closest_marker("cases")
        count = min(mark.args[0] if mark else len(every), FEW.get(library, len(every)))
        if most is not None and not _is_about_cupy(every[0]):  # tests/gpu has no other run
            count = most
        first, step = zlib.crc32(name.encode()), _stride(len(every), count)
        kept |= {every[(first + k * step) % len(every)] for k in range(min(count, len(every)))}
    return [item for item in items if item in kept]


def _stride(length, count):
    """Return the step from one chosen case to the next.

    It has no divisor in common with `length`: a step of 2 would leave out one of two dtypes.
    """
    return next(k for k in range(max(1, length // count), length + 2) if math.gcd(k, length) == 1)


def _chosen(config):
    return set(config.getoption("--backend").split(","))


def _library_of(item):
    return item.callspec.params.get("library") if hasattr(item, "callspec") else None


def _door_of(item):
    """Return the library that a test of tests/test_doors.py is about."""
    return item.callspec.params.get("door") if hasattr(item, "callspec") else None


def _wanted(item, chosen):
    name = _library_of(item) or _door_of(item)
    if name is not None and not isinstance(name, str):  # there was no library to choose
        return False
    if name is None:
        return "numpy" in chosen
    if item.get_closest_marker("numpy_only") and name != "numpy":
        return False
    return libraries.family(name) in chosen
