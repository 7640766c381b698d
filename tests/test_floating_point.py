"""The tests run where floating-point errors raise (conftest.py): in every thread, and in JAX."""

import numpy as np
import pytest

import libraries
import maha_core as mc


def test_errors_raise():
    assert set(np.geterr().values()) == {"raise"}


def test_they_raise_in_worker_threads():
    X = np.random.default_rng(0).standard_normal((64, 3))
    loss = mc.losses.Pairwise(lambda D: (D, 1 / (D * 0)))
    with mc.options(threads=2, tile_bytes=2000), pytest.raises(FloatingPointError):
        mc.value_and_grad(loss, X)


@pytest.fixture(scope="session")
def jax():
    return libraries.load("jax").xp


def test_jax_raises_where_it_makes_a_nan(jax):
    with pytest.raises(FloatingPointError):
        jax.zeros(2) / jax.zeros(2)


def test_a_caller_may_ask_for_silence():
    X = np.random.default_rng(0).standard_normal((64, 3))
    loss = mc.losses.Pairwise(lambda D: (D, 1 / (D * 0)))
    for threads in (1, 2):
        with np.errstate(all="ignore"), mc.options(threads=threads, tile_bytes=2000):
            mc.value_and_grad(loss, X)
