"""`python -m maha_core` prints which backends work here, and why not."""

import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

SLOW = "torch,jax,jaxlib"  # plugins whose libraries take seconds to import


@cache
def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "maha_core", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_the_table_shows_a_backend_that_works():
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["backend", "provider", "version", "works", "devices"]
    (row,) = (line.split() for line in lines if line.startswith("numpy "))
    assert row[:2] == ["numpy", "maha-core"]
    assert row[3:] == [np.__version__, "yes", "cpu"]
    assert "generic: serves every other array" in done.stdout


def test_the_table_says_why_a_backend_does_not_work():
    done = run(MAHA_CORE_DISABLE_PLUGINS=f"numpy,{SLOW}")
    assert done.returncode == 0
    (row,) = (line.split() for line in done.stdout.splitlines() if line.startswith("numpy "))
    assert row[4] == "no"
    assert "numpy: disabled by MAHA_CORE_DISABLE_PLUGINS" in done.stdout


def test_the_table_says_which_wheel_brings_cupy():
    script = (
        "import sys; sys.modules['cupy'] = None; import maha_core as mc; print(mc.backends(True))"
    )
    environment = {**os.environ, "MAHA_CORE_DISABLE_PLUGINS": SLOW}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    (reason,) = (line for line in done.stdout.splitlines() if line.startswith("cupy: "))
    assert "CuPy is not installed" in reason
    for cuda in ("12", "13"):
        assert f"for CUDA {cuda}" in reason
        assert f'pip install ".[cuda{cuda}]"' in reason
        assert f"cupy-cuda{cuda}x" in reason


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed")
def test_a_missing_library_is_told_as_news():
    done = run()
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("cupy  "))
    assert "not installed" in row
    assert "does not work" not in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_installed_libraries_without_a_plugin_are_listed_with_what_to_write():
    lines = run().stdout.splitlines()
    (strict,) = (line for line in lines if line.startswith("array_api_strict "))
    assert strict.endswith("served by the generic backend")
    (scipy,) = (line for line in lines if line.startswith("scipy "))
    assert scipy.endswith("write array.toarray()")


def test_help_says_what_it_shows():
    done = run("--help")
    assert done.returncode == 0
    assert "which backend computes" in done.stdout
