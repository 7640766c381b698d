"""Nothing is computed inside a call; what is shared is computed once."""

import pickle
import warnings

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

NAMES = sorted(problems.results(**problems.arrays()))


def forbidden(*args, **kwargs):
    raise AssertionError("computed inside the call")


@pytest.fixture
def counted():
    """X as a Dask array that counts how often each of its chunks is loaded."""
    loads = {}
    values = problems.draw(40, 4)

    def load(block_info=None):
        where = block_info[None]["array-location"][0]
        loads[where] = loads.get(where, 0) + 1
        return values[slice(*where)]

    X = da.map_blocks(load, chunks=((10,) * 4, (4,)), dtype=values.dtype, meta=np.empty((0, 0)))
    return X, loads


def test_no_call_computes_anything():
    with dask.config.set(scheduler=forbidden):
        results = problems.results(**problems.lazy(problems.arrays()))
    for name, result in results.items():
        for leaf in problems.leaves(result):
            assert isinstance(leaf, da.Array), name


@pytest.mark.parametrize("name", NAMES)
def test_computed_it_is_what_numpy_gives(name):
    values = problems.arrays()
    expected = problems.leaves(problems.results(**values)[name])
    lazy = problems.leaves(problems.results(**problems.lazy(values))[name])
    for array, result in zip(expected, lazy, strict=True):
        assert result.shape == array.shape
        assert result.dtype == array.dtype
        assert result.ndim == result._meta.ndim
        computed = result.compute()
        assert type(computed) is type(result._meta) or computed.ndim == 0
        np.testing.assert_allclose(computed, array, rtol=1e-10, atol=1e-10)


ONE_PASS = {
    "sqdist": lambda X: mc.sqdist(X),
    "nearest": lambda X: mc.nearest(X, k=3),
    "vjp": lambda X: mc.vjp(X, cotangent=np.ones((40, 40)), wrt="X"),
    "Pairwise": lambda X: mc.value_and_grad(mc.losses.Pairwise(problems.square), X),
    "MLKR": lambda X: mc.value_and_grad(mc.losses.MLKR(np.arange(40.0)), X),
    "pairs": lambda X: mc.sqdist(X, pairs=(np.arange(40), np.arange(40)[::-1].copy())),
}


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("name", ONE_PASS)
def test_every_chunk_is_loaded_once(counted, name, scheduler):
    X, loads = counted
    dask.compute(*problems.leaves(ONE_PASS[name](X)), scheduler=scheduler)
    assert loads == {(start, start + 10): 1 for start in range(0, 40, 10)}


def test_value_and_gradient_share_one_sweep():
    calls = []

    def f(D):
        calls.append(D.shape)
        return D * D, 2 * D

    X = da.from_array(problems.draw(40, 4), chunks=(10, 4))
    value, gradient = mc.value_and_grad(mc.losses.Pairwise(f, symmetric=True), X, wrt="X")
    dask.compute(value, gradient.X, scheduler="synchronous")
    assert len(calls) == 10  # of 16 pairs of chunks


def test_symmetric_D_is_computed_on_one_side_of_the_diagonal():
    X = da.from_array(problems.draw(40, 4), chunks=(10, 4))
    tasks = dict(mc.sqdist(X).dask)
    made = [
        key for key in tasks if key[0].startswith("maha-sqdist") and "sqdist" in str(tasks[key])
    ]
    assert len([key for key in made if key[1] <= key[2]]) == 10
    D = mc.sqdist(X).compute()
    np.testing.assert_array_equal(D, D.T)


def test_tasks_have_readable_names():
    lazy = problems.lazy(problems.arrays())
    for name, result in problems.results(**lazy).items():
        for leaf in problems.leaves(result):
            own = {dask.utils.key_split(key) for key in leaf.dask if "maha" in str(key)}
            assert own, name
            assert all(split.startswith("maha-") for split in own), own


def test_the_same_call_has_the_same_keys():
    first, second = (
        problems.results(**problems.lazy(problems.arrays()))["sqdist"] for _ in range(2)
    )
    assert first.name == second.name


def test_other_options_have_other_keys():
    X = da.from_array(problems.draw(40, 4), chunks=(10, 4))
    with mc.options(precision="fast"):
        fast = mc.sqdist(X)
    assert fast.name != mc.sqdist(X).name


@pytest.mark.parametrize("kind", ["Pairwise", "MLKR"])
def test_the_graph_of_a_hundred_chunks_is_small(kind):
    n = 100_000
    X = da.random.default_rng(0).standard_normal((n, 32), chunks=(n // 100, 32))
    metric = mc.Factor(problems.draw(16, 32))
    y = problems.draw(n)
    symmetric = mc.losses.Pairwise(problems.square, symmetric=True)
    loss = symmetric if kind == "Pairwise" else mc.losses.MLKR(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, gradient = mc.value_and_grad(loss, X, metric=metric)
    (optimised,) = dask.optimize(gradient.metric)
    sweeps = sum(str(key).startswith("('maha-sweep") for key in dict(optimised.dask))
    assert sweeps == (5050 if kind == "Pairwise" else 10_000)
    assert len(pickle.dumps(dict(optimised.dask))) < 10e6


def test_small_parameters_stand_in_the_graph_once():
    X = da.from_array(problems.draw(400, 4), chunks=(10, 4))
    A = problems.draw(4, 4, seed=1)
    graph = dict(mc.sqdist(X, metric=mc.Factor(A)).dask)
    assert pickle.dumps(graph).count(A.tobytes()) == 1


def test_a_losss_data_stand_in_the_graph_once():
    X, y = da.from_array(problems.draw(400, 4), chunks=(10, 4)), problems.draw(400, seed=1)
    value, _ = mc.value_and_grad(mc.losses.MLKR(y), X)
    assert pickle.dumps(dict(value.dask)).count(y.tobytes()) == 1


def test_forms_and_losses_can_be_pickled():
    graph = dict(mc.nearest(problems.lazy(problems.arrays())["X"], k=2).sqdist.dask)
    pickle.loads(pickle.dumps(graph))
    for kind, shape in {mc.Full: (4, 4), mc.Factor: (2, 4), mc.Diagonal: (4,)}.items():
        parameter = problems.draw(*shape)
        form = kind(parameter).form(_backend_of(parameter), parameter)
        again = pickle.loads(pickle.dumps(form))
        W = problems.draw(3, 4, seed=1)
        np.testing.assert_array_equal(again.operand(W), form.operand(W))


def _backend_of(array):
    from maha_core.dispatch import backend_of

    return backend_of(array, "parameter")
