"""`python -m maha_core` prints which backends work here, and why not."""

import os
import subprocess
import sys

import numpy as np


def run(**environment):
    return subprocess.run(
        [sys.executable, "-m", "maha_core"],
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
    done = run(MAHA_CORE_DISABLE_PLUGINS="numpy")
    assert done.returncode == 0
    (row,) = (line.split() for line in done.stdout.splitlines() if line.startswith("numpy "))
    assert row[4] == "no"
    assert "numpy: disabled by MAHA_CORE_DISABLE_PLUGINS" in done.stdout


def test_the_table_says_which_wheel_brings_cupy():
    script = (
        "import sys; sys.modules['cupy'] = None; import maha_core as mc; print(mc.backends(True))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    (reason,) = (line for line in done.stdout.splitlines() if line.startswith("cupy: "))
    assert "CuPy is not installed" in reason
    for cuda in ("12", "13"):
        assert f"for CUDA {cuda}" in reason
        assert f"maha-core[cuda{cuda}]" in reason
        assert f"cupy-cuda{cuda}x" in reason
