"""One fixture, `library`: every test that takes it runs once per array library.

`pytest` takes every library that is installed, `pytest --backend numpy,strict` only these; tests
without `library` belong to numpy.
"""

import pytest

import libraries


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        default=",".join(libraries.FAMILIES),
        help=f"comma separated, of {', '.join(libraries.FAMILIES)} (default: all)",
    )


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")
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


JAX_CASES = 2


def _few_on_jax(items):
    """Keep some cases of every test on JAX, evenly: it compiles every operation for every shape."""
    cases = {}
    for item in items:
        if _library_of(item) == "jax":
            cases.setdefault((item.path, item.cls, item.originalname), []).append(item)
    dropped = set()
    for every in cases.values():
        step = max(1, len(every) / JAX_CASES)
        dropped |= set(every) - {every[int(k * step)] for k in range(min(JAX_CASES, len(every)))}
    return [item for item in items if item not in dropped]


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
