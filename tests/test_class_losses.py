"""NCA and LMNN, the losses of classes, against their definitions and other libraries."""

from dataclasses import replace

import numpy as np
import pytest

import maha_core as mc
import oracle
from derivatives import assert_value_and_gradient
from forms import problem
from tiles import EDGE, small

TILES = {"small": small, "default": mc.options, "tiny": lambda: small(edge=1)}
SHAPES = [(2, None), (EDGE, None), (2 * EDGE + 1, None), (9, 1), (9, 2 * EDGE + 1), (1, 3)]


def labels_of(p, count=3):
    """Random labels of both sides, not consecutive ones."""
    n, m = p.shape
    rows = p.rng.integers(0, count, n) * 7 - 3
    return rows, None if p.Y is None else p.rng.integers(0, count, m) * 7 - 3


def classes_of(n, count=3, seed=0):
    """Labels of which each has its n / count points, in random order."""
    return np.random.default_rng(seed).permutation(np.arange(n) % count)


def random_targets(labels, k, rng):
    """k points of the own class for every point, any of them."""
    found = []
    for i, label in enumerate(labels):
        (others,) = np.nonzero((labels == label) & (np.arange(len(labels)) != i))
        found.append(rng.permutation(others)[:k])
    return np.array(found)


# -------------------------------------------------------------------------------------------- NCA


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("log", [False, True])
def test_nca_is_its_definition(library, log, n, m, tiling):
    p = problem("factor", n, m, 3)
    labels, labels_Y = labels_of(p)
    weight = p.rng.random(n) + 0.5
    loss = mc.losses.NCA(
        *library.arrays(labels, labels_Y), log=log, sample_weight=library.array(weight)
    )
    with TILES[tiling]():
        assert_value_and_gradient(
            library, loss, lambda D: oracle.nca(D, labels, labels_Y, weight, log=log), p
        )


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("ascending", [(True, True), (True, False), (False, True)])
def test_nca_of_labels_in_ascending_order(library, n, m, ascending, tiling):
    p = problem("factor", n, m, 3)
    labels, labels_Y = (
        np.sort(labels) if labels is not None and in_order else labels
        for labels, in_order in zip(labels_of(p, 4), ascending, strict=True)
    )
    loss = mc.losses.NCA(*library.arrays(labels, labels_Y))
    with TILES[tiling]():
        assert_value_and_gradient(library, loss, lambda D: oracle.nca(D, labels, labels_Y), p)


def test_nca_is_minus_scikit_learns_objective():
    neighbors = pytest.importorskip("sklearn.neighbors")
    theirs = neighbors.NeighborhoodComponentsAnalysis(n_components=2)
    theirs.n_iter_ = 1  # what its objective expects to find
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((300, 8)), rng.integers(0, 4, 300)
    for _ in range(3):
        A = rng.standard_normal((2, 8))
        value, gradient = mc.value_and_grad(mc.losses.NCA(labels), X, metric=mc.Factor(A))
        same = labels[:, None] == labels
        with np.errstate(under="ignore"):
            loss, slope = theirs._loss_grad_lbfgs(A.ravel(), X, same, -1.0)
        assert float(value) == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(gradient.metric.ravel(), slope, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tiling", TILES)
def test_log_nca_where_the_own_class_is_far_away(library, tiling):
    X = np.array([[0.0], [1.0], [60.0], [61.0]])  # exp(-3600) underflows
    labels = np.array([0, 1, 0, 1])
    loss = mc.losses.NCA(library.array(labels), log=True)
    with TILES[tiling]():
        value, gradient = mc.value_and_grad(loss, library.array(X), wrt="X")
    # beside the nearest point nothing counts: phi = 2 (D_02 - D_01) + 2 (D_13 - D_23)
    assert float(library.numpy(value)) == pytest.approx(4 * (3600 - 1), rel=1e-12)
    slopes = library.numpy(gradient.X).ravel()
    np.testing.assert_allclose(slopes, [-236.0, -244.0, 244.0, 236.0], rtol=1e-12)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("tiling", TILES)
def test_a_class_of_one_point_adds_nothing(library, log, tiling):
    p = problem("factor", 7, None, 2)
    labels = np.array([0, 0, 0, 1, 2, 2, 2])
    loss = mc.losses.NCA(library.array(labels), log=log)
    with TILES[tiling]():
        assert_value_and_gradient(library, loss, lambda D: oracle.nca(D, labels, log=log), p)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("order", ["sorted", "mixed"])
@pytest.mark.parametrize("m", [None, 50])
def test_many_labels_in_order_and_out_of_it(library, m, order, log):
    p = problem("factor", 60, m, 2)
    labels, of_Y = p.rng.integers(0, 13, 60), p.rng.integers(2, 15, m or 0)
    if order == "sorted":
        labels, of_Y = np.sort(labels), np.sort(of_Y)
    of_Y = None if m is None else of_Y
    loss = mc.losses.NCA(*library.arrays(labels, of_Y), log=log)
    assert_value_and_gradient(library, loss, lambda D: oracle.nca(D, labels, of_Y, log=log), p)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("count", "expected"), [(1, -6.0), (6, 0.0)])
def test_labels_that_leave_nothing_to_learn(library, log, count, expected):
    p = problem("factor", 6, None, 2)
    loss = mc.losses.NCA(library.array(np.arange(6) % count), log=log)
    value, gradient = mc.value_and_grad(loss, library.array(p.X), metric=p.metric(library))
    assert float(library.numpy(value)) == pytest.approx(0.0 if log else expected, abs=1e-12)
    np.testing.assert_allclose(library.numpy(gradient.metric), 0, atol=1e-12)


def test_nca_of_two_sets_needs_labels_of_both(library):
    p = problem("factor", 4, 3, 2)
    loss = mc.losses.NCA(library.array(np.arange(4)))
    with pytest.raises(ValueError, match="labels_Y"):
        mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))
    with pytest.raises(ValueError, match="there is no Y"):
        mc.value_and_grad(
            mc.losses.NCA(*library.arrays(np.arange(4), np.arange(3))), library.array(p.X)
        )


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.arange(5), ValueError, r"labels has shape \(5,\)"),
        (np.arange(4.0), TypeError, "labels must hold integers"),
        (np.zeros((4, 1), int), ValueError, r"labels has shape \(4, 1\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(library, labels, error, message):
    X = library.array(np.random.default_rng(0).standard_normal((4, 2)))
    targets = library.array(np.array([[1], [0], [3], [2]]))
    for loss in (
        mc.losses.NCA(library.array(labels)),
        mc.losses.LMNN(library.array(labels), targets),
    ):
        with pytest.raises(error, match=message):
            mc.value_and_grad(loss, X)


# ------------------------------------------------------------------------------------------- LMNN


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize(("n", "k"), [(4, 1), (EDGE, 2), (3 * EDGE + 1, 3)])
@pytest.mark.parametrize(("mu", "margin"), [(0.5, 1.0), (0.2, 3.0), (0.0, 0.1), (1.0, 1.0)])
def test_lmnn_is_the_sum_over_its_triples(library, mu, margin, n, k, tiling):
    p = problem("factor", n, None, 3)
    labels = classes_of(n, 2)
    targets = random_targets(labels, k, p.rng)
    weight = p.rng.random(n) + 0.5
    loss = mc.losses.LMNN(
        *library.arrays(labels, targets),
        weight=mu,
        margin=margin,
        sample_weight=library.array(weight),
    )
    with TILES[tiling]():
        assert_value_and_gradient(
            library, loss, lambda D: oracle.lmnn(D, labels, targets, mu, margin, weight), p
        )


@pytest.mark.parametrize("intruders", [1, 48])  # hinges at one entry in fifty, and at most of them
def test_lmnn_of_classes_apart_but_for_some(library, intruders):
    p = problem("factor", 96, None, 3)
    labels = np.arange(96) % 2
    p = replace(p, X=p.X + 30 * (labels * (np.arange(96) >= 2 * intruders))[:, None])
    targets = random_targets(labels, 2, p.rng)
    loss = mc.losses.LMNN(*library.arrays(labels, targets))
    assert_value_and_gradient(library, loss, lambda D: oracle.lmnn(D, labels, targets), p)


@pytest.mark.numpy_only
@pytest.mark.parametrize("tiling", TILES)
def test_lmnn_without_impostors_pulls_alone(library, tiling):
    p = problem("factor", 12, None, 3)
    labels = np.arange(12) % 2
    X = p.X + 1e3 * labels[:, None]
    targets = random_targets(labels, 2, p.rng)
    loss = mc.losses.LMNN(*library.arrays(labels, targets), weight=0.25)
    with TILES[tiling]():
        value, gradient = mc.value_and_grad(loss, library.array(X), wrt="X")
    i = np.repeat(np.arange(12), 2)
    difference = X[i] - X[targets.ravel()]
    expected = np.zeros_like(X)
    np.add.at(expected, i, 0.5 * difference)
    np.add.at(expected, targets.ravel(), -0.5 * difference)
    assert float(library.numpy(value)) == pytest.approx(0.25 * (difference**2).sum(), rel=1e-11)
    np.testing.assert_allclose(library.numpy(gradient.X), expected, rtol=1e-9, atol=1e-9)


def test_lmnn_has_no_meaning_between_two_sets(library):
    p = problem("factor", 4, 4, 2)
    loss = mc.losses.LMNN(*library.arrays(np.array([0, 0, 1, 1]), np.array([[1], [0], [3], [2]])))
    with pytest.raises(ValueError, match="leave Y out"):
        mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 1.5}, "weight must be from 0 to 1; got 1.5"),
        ({"weight": float("nan")}, "weight must be"),
        ({"margin": 0.0}, "margin must be positive; got 0.0"),
        ({"targets": np.arange(4)}, r"targets must be an array of row numbers \(n, k\)"),
        ({"targets": np.zeros((4, 0), int)}, "with k from 1"),
    ],
)
def test_lmnn_refuses_what_makes_no_sense(library, change, message):
    arguments = {"targets": np.array([[1], [0], [3], [2]]), **change}
    arguments["targets"] = library.array(arguments["targets"])
    with pytest.raises(ValueError, match=message):
        mc.losses.LMNN(library.array(np.array([0, 0, 1, 1])), **arguments)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array([[1], [0], [1]]), r"targets has shape \(3, 1\); X with 4 points asks for"),
        (np.array([[1], [0], [4], [2]]), "outside 0 ... 3"),
    ],
)
def test_targets_that_do_not_fit_are_refused(library, targets, message):
    X = library.array(np.random.default_rng(0).standard_normal((4, 2)))
    loss = mc.losses.LMNN(*library.arrays(np.array([0, 0, 1, 1]), targets))
    with pytest.raises(ValueError, match=message):
        library.numpy(mc.value_and_grad(loss, X)[0])


def test_targets_that_are_no_row_numbers_are_refused(library):
    labels, targets = library.arrays(np.array([0, 0, 1, 1]), np.array([[1.0], [0], [3], [2]]))
    with pytest.raises(TypeError, match="targets must hold integers"):
        mc.losses.LMNN(labels, targets)


def test_lmnn_holds_no_n_by_n_array():
    tracemalloc = pytest.importorskip("tracemalloc")
    n = 4000  # D alone would take 128 MB
    X = np.random.default_rng(0).standard_normal((n, 4))
    labels = np.arange(n) % 2
    loss = mc.losses.LMNN(labels, mc.target_neighbors(X, labels, k=3))
    tracemalloc.start()
    mc.value_and_grad(loss, X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6


# ------------------------------------------------------------------------------- target neighbours


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("with_metric", [False, True])
def test_target_neighbors_are_the_nearest_of_the_class(library, k, with_metric):
    p = problem("factor", 24, None, 3)
    labels = classes_of(24, 3) * 5 - 2
    metric = p.metric(library) if with_metric else None
    given = labels if library.name == "dask" else library.array(labels)
    found = mc.target_neighbors(library.array(p.X), given, k=k, metric=metric)
    found = library.numpy(found)
    D = oracle.sqdist(*p.exact) if with_metric else oracle.sqdist(p.X, None, "euclidean", None)
    D = np.where((labels[:, None] == labels) & ~np.eye(24, dtype=bool), D, np.inf)
    np.testing.assert_array_equal(found, np.argsort(D, axis=1, kind="stable")[:, :k])


@pytest.mark.numpy_only
def test_a_class_without_enough_points_is_an_error(library):
    X, labels = np.zeros((5, 2)), np.array([0, 0, 0, 1, 1])
    given = labels if library.name == "dask" else library.array(labels)
    with pytest.raises(ValueError, match=r"k = 2 is outside 1 ... 1: the smallest class has 2"):
        mc.target_neighbors(library.array(X), given, k=2)
