"""Contrastive and Triplet, the losses of listed pairs alone, against their definitions."""

import numpy as np
import pytest

import maha_core as mc
import oracle
from derivatives import assert_value_and_gradient
from forms import problem
from tiles import EDGE, small

TILES = {"small": small, "default": mc.options, "tiny": lambda: small(edge=1)}


def beside(library, *lists):
    """Lists as they are given beside points of a library: those beside Dask's are NumPy's."""
    return lists if library.name == "dask" else library.arrays(*lists)


def lists(p, count, how_many):
    """Random row numbers in no order, with repeats: rows of X, then rows of the other side."""
    n, m = p.shape
    return [p.rng.integers(0, n, count)] + [p.rng.integers(0, m, count) for _ in range(how_many)]


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("m", [None, 7])
@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_contrastive_is_its_definition(library, margin, m, tiling):
    p = problem("factor", 3 * EDGE, m, 3)
    i, j = lists(p, 50, 1)
    if m is None:
        j = np.where(i == j, (j + 1) % len(p.X), j)  # the root of 0 has no derivative
    same = p.rng.integers(0, 2, 50)
    weight = p.rng.random(len(p.X)) + 0.5
    loss = mc.losses.Contrastive(
        *beside(library, i, j, same), margin, sample_weight=library.array(weight)
    )
    with TILES[tiling]():
        assert_value_and_gradient(
            library,
            loss,
            lambda D: oracle.contrastive(D, i, j, same.astype(bool), margin, weight),
            p,
        )


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("m", [None, 7])
@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_triplet_is_its_definition(library, margin, m, tiling):
    p = problem("factor", 3 * EDGE, m, 3)
    chosen = lists(p, 50, 2)
    weight = p.rng.random(len(p.X)) + 0.5
    loss = mc.losses.Triplet(*library.arrays(*chosen), margin, sample_weight=library.array(weight))
    with TILES[tiling]():
        assert_value_and_gradient(
            library, loss, lambda D: oracle.triplet(D, *chosen, margin, weight), p
        )


@pytest.mark.numpy_only
def test_without_weights_every_pair_counts_once(library):
    p = problem("factor", 9, None, 3)
    i, j, negative = lists(p, 20, 2)
    same = p.rng.integers(0, 2, 20)
    D = oracle.sqdist(*p.exact)
    for loss, expected in (
        (
            mc.losses.Contrastive(*beside(library, i, j, same == 1)),
            oracle.contrastive(D, i, j, same),
        ),
        (mc.losses.Triplet(*library.arrays(i, j, negative)), oracle.triplet(D, i, j, negative)),
    ):
        value, _ = mc.value_and_grad(loss, library.array(p.X), metric=p.metric(library))
        assert float(library.numpy(value)) == pytest.approx(float(expected), rel=1e-12)


def test_points_that_coincide_have_a_finite_gradient(library):
    X = library.array(np.ones((4, 2)))
    i, j, same = beside(library, np.array([0, 2]), np.array([1, 3]), np.array([0, 1]))
    value, gradient = mc.value_and_grad(mc.losses.Contrastive(i, j, same, 2.0), X)
    assert float(library.numpy(value)) == 4.0  # the margin's square, and 0
    assert not library.numpy(gradient.X).any()


def test_no_pairs_give_zero(library):
    X = library.array(np.ones((4, 2)))
    (none,) = beside(library, np.zeros(0, np.int64))
    for loss in (mc.losses.Contrastive(none, none, none), mc.losses.Triplet(none, none, none)):
        value, gradient = mc.value_and_grad(loss, X)
        assert float(library.numpy(value)) == 0
        assert not library.numpy(gradient.X).any()


def test_the_users_lists_are_left_alone(library):
    i, j, same = np.array([3, 0, 2]), np.array([1, 1, 0]), np.array([1, 0, 1])
    given = beside(library, i.copy(), j.copy(), same.copy())
    mc.losses.Contrastive(*given)
    for before, after in zip((i, j, same), given, strict=True):
        kept = library.numpy(after) if library.owns(after) else np.asarray(after)
        np.testing.assert_array_equal(kept, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"j": np.array([1.0, 2.0])}, TypeError, "j must hold integers"),
        ({"j": np.array([1, 2, 3])}, ValueError, r"j has shape \(3,\)"),
        ({"i": np.array([[0], [1]])}, ValueError, "i must be one-dimensional"),
        ({"same": np.array([0, 2])}, ValueError, "same must hold 1"),
        ({"margin": -1.0}, ValueError, "margin must be positive; got -1.0"),
        ({"i": [0, 1]}, TypeError, "i must be an array"),
    ],
)
def test_lists_that_do_not_fit_are_refused(library, change, error, message):
    arguments = {"i": np.array([0, 1]), "j": np.array([1, 2]), "same": np.array([0, 1]), **change}
    for name, value in arguments.items():
        arguments[name] = beside(library, value)[0] if isinstance(value, np.ndarray) else value
    with pytest.raises(error, match=message):
        mc.losses.Contrastive(**arguments)


def test_rows_that_are_not_there_are_refused(library):
    X = library.array(np.zeros((3, 2)))
    lists = beside(library, np.array([0, 1]), np.array([1, 3]), np.array([2, 2]))
    with pytest.raises(ValueError, match=r"outside 0 ... 2"):
        library.numpy(mc.value_and_grad(mc.losses.Triplet(*lists), X)[0])
