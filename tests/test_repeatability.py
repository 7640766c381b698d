"""The same bits every time, on any number of threads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl

import maha_core as mc

RUNS, N, M, D = 20, 1100, 900, 12


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _inputs(dtype):
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)  # noqa: E731
    return draw(N, D), draw(M, D), mc.Factor(draw(5, D) / 4), draw(N, M), draw(N), draw(M)


def _bits_of_sqdist(X, Y, metric, G, y, y_Y):
    return mc.sqdist(X, Y, metric=metric), mc.sqdist(X, metric=metric)


def _bits_of_vjp(X, Y, metric, G, y, y_Y):
    square = np.concatenate([G, G[:, : N - M]], axis=1)
    return (
        *mc.vjp(X, Y, metric=metric, cotangent=G, wrt=("metric", "X", "Y")),
        *mc.vjp(X, metric=metric, cotangent=square, wrt=("metric", "X"))[:2],
    )


def _bits_of_mlkr(X, Y, metric, G, y, y_Y):
    with_Y = mc.value_and_grad(
        mc.losses.MLKR(y, y_Y), X, Y, metric=metric, wrt=("metric", "X", "Y")
    )
    alone = mc.value_and_grad(mc.losses.MLKR(y), X, metric=metric)
    return with_Y[0], *with_Y[1], alone[0], alone[1].metric


def _bits_of_pairwise(X, Y, metric, G, y, y_Y):
    loss = mc.losses.Pairwise(lambda D: (D * D, 2 * D), symmetric=True)
    with_Y = mc.value_and_grad(loss, X, Y, metric=metric, wrt=("metric", "X", "Y"))
    alone = mc.value_and_grad(loss, X, metric=metric, wrt=("metric", "X"))
    return with_Y[0], *with_Y[1], alone[0], alone[1].metric, alone[1].X


def _bits_of_nearest(X, Y, metric, G, y, y_Y):
    return tuple(mc.nearest(X, metric=metric, k=7))


BITS = [_bits_of_sqdist, _bits_of_vjp, _bits_of_mlkr, _bits_of_pairwise, _bits_of_nearest]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_hash_for_every_run_and_every_number_of_threads(bits, dtype):
    inputs = _inputs(dtype)
    seen = set()
    for run in range(RUNS):
        with mc.options(threads=1 + run % 3):
            seen.add(_digest(*bits(*inputs)))
    seen.add(_digest(*bits(*inputs)))
    assert len(seen) == 1


@pytest.mark.parametrize("bits", BITS)
def test_the_users_own_limit_of_blas_changes_no_bit(bits):
    inputs = _inputs("float32")
    seen = set()
    for limit in (1, 2, 3):
        with threadpoolctl.threadpool_limits(limit, user_api="blas"):
            seen.add(_digest(*bits(*inputs)))
    assert len(seen) == 1


def test_calls_that_overlap_give_the_bits_of_one_alone():
    inputs = _inputs("float64")
    alone = _digest(*_bits_of_mlkr(*inputs))
    with ThreadPoolExecutor(4) as pool:
        overlapping = list(pool.map(lambda _: _digest(*_bits_of_mlkr(*inputs)), range(12)))
    assert set(overlapping) == {alone}
