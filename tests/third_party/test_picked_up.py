"""A stranger's plugin, really installed, computes with the stranger's arrays and with no others."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import maha_core as mc
from maha_core.dispatch import backend_of

toyarray = pytest.importorskip("toyarray", reason="nox -s tests-plugins builds and installs it")
toy = toyarray.Array

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 3)), RNG.normal(size=(5, 3))
A, V = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
G, TARGETS = RNG.normal(size=(7, 5)), RNG.normal(size=7)
PAIRS = np.asarray([0, 2, 2]), np.asarray([4, 1, 1])


def calls(lib):
    """Every public function that takes points, on arrays that `lib` makes."""
    x, y, metric = lib(X), lib(Y), mc.Factor(lib(A))
    pairs = tuple(lib(index) for index in PAIRS)
    return {
        "sqdist": lambda: mc.sqdist(x, y, metric=metric),
        "sqdist of pairs": lambda: mc.sqdist(x, y, metric=metric, pairs=pairs),
        "dist": lambda: mc.dist(x, metric=metric),
        "nearest": lambda: mc.nearest(x, y, k=2, metric=metric),
        "jacobian": lambda: mc.jacobian(x, y, metric=metric),
        "jacobian_slice": lambda: mc.jacobian_slice(x, y, metric=metric, index=(1, 2)),
        "jvp": lambda: mc.jvp(x, y, metric=metric, metric_tangent=lib(V)),
        "vjp": lambda: mc.vjp(x, y, metric=metric, cotangent=lib(G), wrt=("metric", "X", "Y")),
        "value_and_grad": lambda: mc.value_and_grad(
            mc.losses.MLKR(lib(TARGETS)), x, metric=metric, wrt=("metric", "X")
        ),
        "embed": lambda: metric.embed(x),
        "matrix": metric.matrix,
    }


def arrays_in(result):
    if result is None:
        return []
    if isinstance(result, tuple):
        return [array for item in result for array in arrays_in(item)]
    return [result]


def run(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_installed_not_lying_about():
    assert metadata.version("toyarray") == "1.2"
    assert Path(__file__).parent not in Path(toyarray.__file__).parents


def test_its_arrays_go_to_it():
    backend = backend_of(toy(X), "X")
    assert type(backend).__module__ == "toyarray.maha"
    before = backend.calls
    mc.sqdist(toy(X))
    assert backend.calls == before + 1


@pytest.mark.parametrize("function", calls(np.asarray))
def test_every_function_gives_its_arrays_and_the_numbers_of_numpy(function):
    found = arrays_in(calls(toy)[function]())
    expected = arrays_in(calls(np.asarray)[function]())
    assert found
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is toy
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12, atol=1e-12)


def test_its_own_refusals_are_heard():
    # This object's class lives in the library's module without being its array.
    with pytest.raises(TypeError, match="X must be a toyarray.Array, not _Linalg"):
        mc.sqdist(toy(X).__array_namespace__().linalg)


def test_toy_and_numpy_arrays_do_not_mix():
    with pytest.raises(TypeError, match="Y"):
        mc.sqdist(toy(X), Y)
    with pytest.raises(TypeError, match="Y"):
        mc.sqdist(X, toy(Y))


def test_it_changes_nothing_for_other_arrays():
    script = """
import hashlib, numpy as np, maha_core as mc
X = np.random.default_rng(1).normal(size=(300, 4))
value, gradient = mc.value_and_grad(mc.losses.MLKR(X[:, 0]), X, metric=mc.Factor(np.eye(4)))
print(hashlib.sha256(mc.sqdist(X).tobytes() + gradient.metric.tobytes()).hexdigest())
"""
    with_it = run("-c", script)
    assert with_it == run("-c", script, MAHA_CORE_DISABLE_PLUGINS="toyarray")


@pytest.mark.parametrize("variable", ["1", "toyarray"])
def test_disabled_it_leaves_its_arrays_to_the_generic_backend(variable):
    script = """
import numpy as np, sys, toyarray
from maha_core.dispatch import backend_of
print(backend_of(toyarray.Array(np.eye(2)), "X").name, "toyarray.maha" in sys.modules)
print(backend_of(np.eye(2), "X").name)
"""
    answer = run("-c", script, MAHA_CORE_DISABLE_PLUGINS=variable)
    assert answer.split() == ["generic", "False", "numpy"]


def test_use_backend_knows_it():
    with mc.use_backend("toyarray"):
        assert type(mc.sqdist(toy(X))) is toy
        with pytest.raises(TypeError, match="backend 'toyarray' does not serve"):
            mc.sqdist(X)
    with mc.use_backend("generic"):
        before = backend_of(toy(X), "X")
        assert type(before).__module__ == "maha_core.backend"


def test_the_table_names_it_and_its_distribution():
    (row,) = (line for line in run("-m", "maha_core").splitlines() if line.startswith("toyarray "))
    assert row.split() == ["toyarray", "toyarray", "1.2", "1.2", "yes", "toy", "box"]


def test_listing_it_does_not_import_it():
    script = "import sys, maha_core; maha_core.backends(); print('toyarray' in sys.modules)"
    assert run("-c", script).strip() == "False"
