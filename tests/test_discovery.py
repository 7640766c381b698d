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


# ---------------------------------------------------------------------------------------- on a line

X = np.zeros((400, 3))
SHOWN = {
    "metric": (mc.Factor(X[:2]), "Factor(A: numpy.ndarray of shape (2, 3) and dtype float64)"),
    "Neighbors": (mc.nearest(X, k=5), "of shape (400, 5) and dtype int64)"),
    "Within": (mc.within(X[:9], radius=1.0), "indptr: numpy.ndarray of shape (10,)"),
    "Gradient": (mc.vjp(X[:2], cotangent=X[:2, :2]), "Gradient(X: numpy.ndarray of shape (2, 3)"),
    "loss": (mc.losses.MLKR(X[:, 0]), "MLKR(y: numpy.ndarray of shape (400,) and dtype float64)"),
    "loss of a function": (mc.losses.Pairwise(np.mean), "Pairwise(f=mean, symmetric=False)"),
    "reduction": (mc.reductions.Sum(mc.kernels.Gaussian()), "Sum(e=Gaussian())"),
    "kernel": (mc.kernels.RationalQuadratic(2.0), "RationalQuadratic(alpha=2.0)"),
    "operator": (mc.KernelOperator(mc.kernels.Laplace(), X), "400 x 400"),
}


@pytest.mark.parametrize("what", SHOWN)
def test_a_repr_is_a_line_that_tells(what):
    value, expected = SHOWN[what]
    assert expected in repr(value)
    assert "\n" not in repr(value)
    assert len(repr(value)) < 250


def test_options_show_what_holds():
    with mc.options(precision="fast") as chosen:
        assert "precision='fast', check_finite=True" in repr(chosen)


# ----------------------------------------------------------------------------------------- equality


def test_metrics_are_equal_by_their_numbers(library):
    metric = mc.Factor(library.array(np.arange(6.0).reshape(2, 3)))
    twin = mc.Factor(library.array(np.arange(6.0).reshape(2, 3)))
    assert metric == mc.Factor(metric.parameter)
    assert (metric == twin) is not library.lazy
    assert hash(metric) == hash(twin)
    assert metric != mc.Factor(library.array(np.zeros((2, 3))))
    assert metric != mc.Factor(library.array(np.arange(6.0, dtype=np.float32).reshape(2, 3)))
    assert metric != mc.Full(library.array(np.eye(3)))
    assert metric != "precomputed"


def test_what_is_differentiated_is_only_itself():
    torch = pytest.importorskip("torch")
    w = torch.ones(2, requires_grad=True)
    assert mc.Diagonal(w) == mc.Diagonal(w)
    assert mc.Diagonal(w) != mc.Diagonal(torch.ones(2))


def test_tracers_are_only_themselves():
    jax = pytest.importorskip("jax")

    @jax.jit
    def f(w):
        assert mc.Diagonal(w) == mc.Diagonal(w)
        assert mc.Diagonal(w) != mc.Diagonal(2 * w)
        return w

    f(jax.numpy.ones(2))
