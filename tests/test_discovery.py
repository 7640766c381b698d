"""What people find by asking: names, a version, help, and reprs that fit on a line."""

import pydoc
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

import maha_core as mc


def test_dir_lists_the_public_names_and_nothing_else():
    assert set(dir(mc)) == {*mc.__all__, "compat", "learn", "testing", "__version__"}
    for name in dir(mc):
        assert getattr(mc, name) is not None


def test_the_version_is_that_of_the_distribution():
    assert mc.__version__ == metadata.version("maha-core")


def test_a_star_import_does_without_the_extras():
    script = "import sys; sys.modules['sklearn'] = None; sys.modules['pytest'] = None\n"
    script += "from maha_core import *; sqdist, Factor"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", ["sqdist", "nearest", "value_and_grad", "reduce"])
def test_help_fits_two_screens(name):
    text = pydoc.plain(pydoc.render_doc(getattr(mc, name)))
    assert len(text.splitlines()) <= 100


@pytest.mark.parametrize(
    ("metric", "name", "shape"),
    [(mc.Factor, "A", (2, 3)), (mc.Diagonal, "w", 3), (mc.Full, "M", (3, 3))],
)
def test_a_metrics_array_is_given_by_its_own_name(metric, name, shape):
    array = np.ones(shape)
    assert metric(**{name: array}).parameter is array
    with pytest.raises(TypeError, match="parameter"):
        metric(parameter=array)
