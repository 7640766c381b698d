"""Bars on standard error, for those who ask for them."""

import numpy as np
import pytest

import maha_core as mc

X = np.random.default_rng(0).standard_normal((300, 3))
SMALL = {"tile_bytes": 2**14}
CALLS = {
    "sqdist": lambda: mc.sqdist(X),
    "nearest": lambda: mc.nearest(X, k=2).index,
    "within": lambda: mc.within(X, radius=0.5).index,
    "reduce": lambda: mc.reduce(mc.reductions.Sum(mc.kernels.Gaussian()), X),
    "value": lambda: mc.value(mc.losses.MLKR(X[:, 0]), X),
    "value_and_grad": lambda: mc.value_and_grad(mc.losses.MLKR(X[:, 0]), X)[1].X,
    "hvp": lambda: mc.hvp(mc.losses.MLKR(X[:, 0]), X, X_tangent=X).X,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("backend", ["numpy", "generic"])
def test_a_bar_reaches_its_end_and_changes_nothing(name, backend, capsys):
    with mc.use_backend(backend), mc.options(**SMALL):
        expected = CALLS[name]()
        assert capsys.readouterr().err == ""
        with mc.options(progress=True):
            found = CALLS[name]()
    assert "100%" in capsys.readouterr().err
    np.testing.assert_array_equal(found, expected)


def test_one_part_has_no_bar(capsys):
    with mc.options(progress=True):
        mc.sqdist(X[:10])
    assert capsys.readouterr().err == ""


def test_without_tqdm_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("maha_core.progress.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "\.\[progress\]"'):
        mc.options(progress=True)


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_it_is_true_or_false(value):
    with pytest.raises(TypeError, match="progress must be True or False"):
        mc.options(progress=value)
