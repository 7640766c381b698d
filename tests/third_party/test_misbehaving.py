"""Plugins that conflict or break, really installed: what they do, and not to anybody else."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not (find_spec("pip") and find_spec("hatchling")), reason="needs pip and hatchling to install"
)

HERE = Path(__file__).parent
DISABLE = "MAHA_CORE_DISABLE_PLUGINS"
SLOW = "torch,jax,jaxlib"  # plugins whose libraries take seconds to import


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Install a distribution of this folder into a folder of its own, once."""
    folders = {}

    def install(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            options = ("--quiet", "--no-deps", "--no-build-isolation", "--target", folders[name])
            subprocess.run(
                [sys.executable, "-m", "pip", "install", *options, HERE / name],
                check=True,
                timeout=300,
                env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            )
        return str(folders[name])

    return install


def run(script, *folders, disable=""):
    done = subprocess.run(
        [sys.executable, *(["-c", script] if script else ["-m", "maha_core"])],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), DISABLE: disable},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


NUMPY = """
import numpy as np
from maha_core.dispatch import backend_of
from maha_core.registry import PluginError
try:
    print(type(backend_of(np.eye(2), "X")).__module__)
except PluginError as error:
    print("PluginError:", error)
"""

BROKEN = NUMPY.replace("import numpy as np", "import brokenarray").replace(
    "np.eye(2)", "brokenarray.Array()"
)

# -------------------------------------------------------------------------------------- duplicates


def test_two_plugins_of_one_name_are_an_error_that_names_both(installed):
    answer = run(NUMPY, installed("rival"))
    assert answer.startswith("PluginError: 2 plugins claim the arrays of 'numpy'")
    assert "maha-core 0." in answer
    assert "maha-rival 0.3 (maha_rival:RivalBackend)" in answer
    assert "pip uninstall maha-rival" in answer
    assert f"{DISABLE}=maha-rival" in answer


def test_a_conflict_stays_with_its_name(installed):
    script = NUMPY.replace("import numpy as np", "import array_api_strict as np")
    assert run(script, installed("rival")).strip() == "maha_core.backend"


@pytest.mark.parametrize("disable", ["1", "maha-rival"])
def test_disabling_the_stranger_resolves_the_conflict(installed, disable):
    answer = run(NUMPY, installed("rival"), disable=disable)
    assert answer.strip().startswith("maha_numpy")


def test_disabling_the_name_disables_both(installed):
    assert run(NUMPY, installed("rival"), disable="numpy").strip() == "maha_core.backend"


def test_the_table_shows_the_conflict(installed):
    table = run(None, installed("rival"), disable=SLOW)
    (row,) = (line for line in table.splitlines() if line.startswith("numpy "))
    assert row.split()[-3:] == ["-", "no", "-"]
    assert "maha-rival 0.3" in row


# ------------------------------------------------------------------------------------------ broken


def test_a_broken_plugin_gives_its_reason_and_what_mends_it(installed):
    answer = run(BROKEN, installed("broken"))
    assert "PluginError: the plugin 'brokenarray' of maha-broken 0.1 does not work" in answer
    assert "ModuleNotFoundError: No module named 'missing_engine'" in answer
    assert 'pip install "maha-broken[engine]"' in answer
    assert f"{DISABLE}=brokenarray" in answer


def test_a_broken_plugin_is_not_fatal_to_the_others(installed):
    assert run(NUMPY, installed("broken")).strip().startswith("maha_numpy")


@pytest.mark.parametrize("disable", ["1", "brokenarray", "maha_broken"])
def test_without_the_broken_plugin_the_standard_serves(installed, disable):
    assert run(BROKEN, installed("broken"), disable=disable).strip() == "maha_core.backend"


def test_the_table_goes_on_past_both(installed):
    table = run(None, installed("broken"), installed("rival"), disable=SLOW)
    names = {line.partition(" ")[0] for line in table.splitlines()}
    assert {"brokenarray", "numpy", "generic"} <= names
    assert "brokenarray: the plugin 'brokenarray' of maha-broken 0.1 does not work" in table
    assert "numpy: 2 plugins claim" in table


def test_the_table_says_what_is_disabled(installed):
    table = run(None, installed("broken"), disable=f"brokenarray,{SLOW}")
    assert f"brokenarray: disabled by {DISABLE}" in table
