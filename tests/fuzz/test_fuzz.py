"""Random calls give what docs/accuracy.md promises: the same ones every time."""

import numpy as np
import pytest

from fuzz import calls, run
from fuzz.script import Script

SEEDS = {"numpy": 1600, "torch": 400, "strict": 400, "dask": 160, "jax": 9}
GROUP = 9


@pytest.mark.parametrize("library", list(SEEDS), indirect=True)
@pytest.mark.parametrize("part", range(GROUP))
@pytest.mark.may_warn
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that are drawn huge on purpose
def test_random_calls(library, part):
    """Each part calls one function."""
    for seed in range(part, SEEDS[library.name], GROUP):
        assert (found := run.failure(library.name, seed)) is None, found


def test_every_function_has_its_part():
    assert len(calls.CALLS) == GROUP


@pytest.mark.parametrize("name", ["numpy", "dask"])
def test_a_script_stands_alone(name):
    rng = np.random.default_rng(0)
    X, script = rng.standard_normal((5, 3)), Script(name, rng)
    script.array("X", X)
    script.option(tile_bytes=64)
    script.returns("np.asarray(mc.sqdist(X))")
    expected = np.square(X[:, None] - X[None]).sum(axis=2)
    np.testing.assert_allclose(script.run(), expected, rtol=1e-12, atol=0)
    assert len(str(script).splitlines()) <= 10


def test_a_wrong_entry_is_found():
    right = np.ones((2, 2))
    actual = np.asarray([[1, 1], [1, 1 + 1e-6]])
    answer = calls.Answer("D", actual, right, 1e-7 * right)
    assert "D[1, 1]" in run.wrong(answer)
    assert run.wrong(answer._replace(allowed=1e-5 * right)) is None
    assert "nan" in run.wrong(answer._replace(actual=np.full((2, 2), np.nan)))
    assert "shape" in run.wrong(answer._replace(actual=np.ones(2)))
