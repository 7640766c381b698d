"""The protocol of losses, on losses that a user could have written, and the built-in ones."""

import numpy as np
import pytest

import maha_core as mc
import oracle
import travelling
from cancelling import clusters
from derivatives import assert_value_and_gradient
from forms import metric, problem
from tiles import EDGE, small
from user_losses import Hinge, LogSum, Product, SquaredPairs

SHAPES = [(2, None), (EDGE, None), (2 * EDGE + 1, None), (9, 1), (9, 2 * EDGE + 1), (1, 3)]
TILES = {"small": small, "default": mc.options, "tiny": lambda: small(edge=1)}


def exact_log_sum_exp(D, weight, self_pairs):
    terms = np.exp(-D) * (1 if self_pairs else 1 - np.eye(len(D)))
    return (weight * np.log(terms.sum(axis=1))).sum()


def exact_hinge(D, i, j, labels, mu):
    listed = D[i, j]
    slack = 1 + listed[:, None] - D[i]
    active = (slack.real > 0) & (labels[i][:, None] != labels[None, :])
    return mu * listed.sum() + (1 - mu) * (slack * active).sum()


# --------------------------------------------------------------------------- a user's own losses


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("form", ["factor", pytest.param("full", marks=pytest.mark.numpy_only)])
def test_row_wise_loss(library, form, n, m, tiling):
    p = problem(form, n, m, 3)
    weight = p.rng.random(n) + 0.5
    with TILES[tiling]():
        assert_value_and_gradient(
            library,
            LogSum(library.array(weight)),
            lambda D: exact_log_sum_exp(D, weight, m is not None),
            p,
        )


def listed_targets(labels, rng):
    """List one to three points of the same label for most points, by rising i."""
    n = len(labels)
    chosen = []
    for i in range(n):
        same = [j for j in range(n) if j != i and labels[j] == labels[i]]
        chosen += [(i, j) for j in sorted(rng.permutation(same)[: i % 4])]  # none for every fourth
    return tuple(np.array(chosen, dtype=np.int64).reshape(-1, 2).T)


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("n", [2, EDGE, 3 * EDGE + 1])
@pytest.mark.parametrize("form", ["factor", pytest.param("diagonal", marks=pytest.mark.numpy_only)])
def test_lmnn_shaped_loss(library, form, n, tiling):
    p = problem(form, n, None, 3)
    labels = p.rng.integers(0, 3, n)
    i, j = listed_targets(labels, p.rng)
    with TILES[tiling]():
        assert_value_and_gradient(
            library,
            Hinge(*library.arrays(i, j, labels), mu=0.3),
            lambda D: exact_hinge(D, i, j, labels, 0.3),
            p,
        )


def test_lmnn_shaped_loss_on_many_threads():
    p = problem("factor", 900, None, 3)
    labels = p.rng.integers(0, 3, 900)
    loss = Hinge(*listed_targets(labels, p.rng), labels)
    results = []
    for threads in (1, 2, 3):
        with mc.options(threads=threads):
            results.append(mc.value_and_grad(loss, p.X, metric=metric("factor", p.parameter)))
    assert len({value.tobytes() + gradient.metric.tobytes() for value, gradient in results}) == 1


@pytest.mark.parametrize("tiling", TILES)
def test_loss_of_listed_pairs_alone(library, tiling):
    p = problem("factor", 3 * EDGE, None, 3)
    i = np.sort(p.rng.integers(0, len(p.X), 40))
    j = p.rng.integers(0, len(p.X), 40)
    with TILES[tiling]():
        assert_value_and_gradient(
            library,
            SquaredPairs(*library.arrays(i, j)),
            lambda D: (D[i, j] ** 2).sum(),
            p,
        )


def test_loss_of_listed_pairs_costs_nothing_for_the_others(library):
    n = 200_000  # n x n distances would take minutes and 320 GB
    X = library.array(np.random.default_rng(0).standard_normal((n, 2)))
    i, j = np.array([0, 5, n - 1]), np.array([n - 1, 5, 0])
    value, gradient = mc.value_and_grad(SquaredPairs(*library.arrays(i, j)), X, wrt="X")
    expected = 2 * (((library.numpy(X)[0] - library.numpy(X)[-1]) ** 2).sum()) ** 2
    assert float(library.numpy(value)) == pytest.approx(expected)
    assert np.flatnonzero(library.numpy(gradient.X).any(axis=1)).tolist() == [0, n - 1]


def test_without_Y_the_rows_data_serve_the_columns(library):
    p = problem("factor", 2 * EDGE + 1, None, 3)
    values = p.random(2 * EDGE + 1)
    a = library.array(values)
    with small():
        assert_value_and_gradient(
            library, Product(a), lambda D: (values[:, None] * values * D).sum(), p
        )


# -------------------------------------------------------------------------------- sample weights


@pytest.mark.parametrize("name", ["MLKR", "Pairwise", "Pairwise, symmetric"])
@pytest.mark.parametrize("m", [None, 6])
def test_a_weight_multiplies_its_points_own_term_alone(library, name, m):
    p = problem("factor", 11, m, 3)
    y, y_Y = p.rng.standard_normal(11), None if m is None else p.rng.standard_normal(m)

    def run(weight):
        if name == "MLKR":
            loss = mc.losses.MLKR(*library.arrays(y, y_Y), sample_weight=library.array(weight))
        else:
            loss = mc.losses.Pairwise(
                lambda D: (D * D, 2 * D),
                symmetric="symmetric" in name,
                sample_weight=library.array(weight),
            )
        value, gradient = mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))
        return float(library.numpy(value)), library.numpy(gradient.metric)

    alone = [run(np.eye(11)[i]) for i in range(11)]  # each point's own term
    weight = p.rng.random(11) * 3
    value, gradient = run(weight)
    assert value == pytest.approx(sum(w * v for w, (v, _) in zip(weight, alone, strict=True)))
    summed = sum(w * g for w, (_, g) in zip(weight, alone, strict=True))
    np.testing.assert_allclose(gradient, summed, rtol=1e-9, atol=1e-11)


def test_weights_of_one_change_nothing(library):
    p = problem("factor", 11, None, 3)
    y = library.array(p.rng.standard_normal(11))
    arguments = (library.array(p.X),)
    one = mc.value_and_grad(mc.losses.MLKR(y), *arguments, metric=p.metric(library))
    ones = mc.losses.MLKR(y, sample_weight=library.array(np.ones(11)))
    two = mc.value_and_grad(ones, *arguments, metric=p.metric(library))
    np.testing.assert_allclose(library.numpy(one[0]), library.numpy(two[0]), rtol=1e-14)
    np.testing.assert_allclose(
        library.numpy(one[1].metric), library.numpy(two[1].metric), rtol=1e-12
    )


@pytest.mark.parametrize("tiling", [small, mc.options])
def test_arrays_that_f_keeps_are_not_written(library, tiling):
    """Pairs that the guard recomputed leave the cotangent, which is not the user's array."""
    kept = {}
    X = library.array(clusters(np.random.default_rng(0), "float64").X[:60])

    def threefold(D):
        float(D[0, 0])  # cannot be traced
        return 3 * D, kept.setdefault(tuple(D.shape), 0 * D + 3)

    with tiling(), mc.options(threads=1):
        _, found = mc.value_and_grad(mc.losses.Pairwise(threefold), X)
        _, expected = mc.value_and_grad(mc.losses.Pairwise(lambda D: 3 * D), X)
        exact = library.numpy(expected.X)
        np.testing.assert_allclose(library.numpy(found.X), exact, rtol=0, atol=1e-9 * exact.max())


# --------------------------------------------------------------------------------- self-pairs


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("symmetric", [False, True])
def test_what_f_returns_on_a_self_pair_has_no_effect(library, symmetric, tiling):
    p = problem("factor", 2 * EDGE + 1, None, 3)
    loss = mc.losses.Pairwise(travelling.reciprocal, symmetric=symmetric)
    with TILES[tiling]():  # and no warning: warnings are errors here
        assert_value_and_gradient(
            library, loss, lambda D: (1 / (D + np.eye(len(D)))).sum() - len(D), p
        )


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("f", [travelling.reciprocal, lambda D: 1 / D, lambda D: np.log(D) / D])
def test_the_value_alone_does_not_warn_of_a_self_pair_either(library, f, tiling):
    p = problem("factor", 2 * EDGE + 1, None, 3)
    loss = mc.losses.Pairwise(f)
    with TILES[tiling]():  # and no warning: warnings are errors here
        alone = mc.value(loss, *p.points(library), metric=p.metric(library))
        beside, _ = mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))
    np.testing.assert_allclose(library.numpy(alone), library.numpy(beside), rtol=1e-12)


@pytest.mark.may_warn
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_on_a_self_pair_have_no_effect(library, bad):
    p = problem("factor", 9, None, 3)

    def f(D, a, b):
        self_pairs = a == b  # the data are the points' own numbers
        xp = library.tile_xp
        spoil = xp.where(self_pairs, xp.full_like(D, bad), xp.zeros_like(D))
        return D + spoil, 1 + spoil

    loss = mc.losses.Pairwise(f, data=library.array(np.arange(9.0)))
    assert_value_and_gradient(library, loss, lambda D: D.sum(), p)


def test_with_Y_self_pairs_count(library):
    X = library.array(np.random.default_rng(0).standard_normal((5, 2)))
    value, _ = mc.value_and_grad(mc.losses.Pairwise(lambda D: (D * 0 + 1, D * 0)), X, X)
    assert float(library.numpy(value)) == 25
    value, _ = mc.value_and_grad(mc.losses.Pairwise(lambda D: (D * 0 + 1, D * 0)), X)
    assert float(library.numpy(value)) == 20


# ----------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize("m", [None, 0, 3])
def test_no_points_give_zero(library, m):
    p = problem("factor", 0, m, 2)
    y, y_Y = np.zeros(0), None if m is None else np.zeros(m)
    for loss in (
        mc.losses.MLKR(*library.arrays(y, y_Y)),
        mc.losses.Pairwise(lambda D: (D + 1, D)),
        LogSum(),
    ):
        value, gradient = mc.value_and_grad(
            loss, *p.points(library), metric=p.metric(library), wrt=p.wrt
        )
        assert float(library.numpy(value)) == 0
        assert library.numpy(value).shape == ()
        assert not library.numpy(gradient.metric).any()
        assert library.numpy(gradient.X).shape == (0, 2)


@pytest.mark.parametrize(("n", "m"), [(1, None), (3, 0)])
def test_a_row_without_a_partner_is_an_error_of_a_row_wise_loss(library, n, m):
    p = problem("factor", n, m, 2)
    y, y_Y = np.zeros(n), None if m is None else np.zeros(m)
    for loss in (mc.losses.MLKR(*library.arrays(y, y_Y)), LogSum()):
        with pytest.raises(ValueError, match="partner"):
            mc.value_and_grad(loss, *p.points(library), metric=p.metric(library))


@pytest.mark.parametrize(("n", "m"), [(1, None), (3, 0)])
def test_a_row_without_a_partner_is_nothing_to_an_elementwise_loss(library, n, m):
    p = problem("factor", n, m, 2)
    value, gradient = mc.value_and_grad(
        mc.losses.Pairwise(lambda D: (D + 1, D)), *p.points(library), metric=p.metric(library)
    )
    assert float(library.numpy(value)) == 0
    assert not library.numpy(gradient.metric).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_is_a_0_d_array_of_the_library(library, dtype):
    p = problem("factor", 30, None, 3, dtype)
    loss = mc.losses.MLKR(library.array(p.random(30)))
    value, gradient = mc.value_and_grad(loss, library.array(p.X), metric=p.metric(library))
    assert library.numpy(value).shape == ()
    assert library.numpy(value).dtype == dtype
    assert library.numpy(gradient.metric).dtype == dtype
    assert gradient.X is None
    assert gradient.Y is None


def test_a_float32_value_is_accumulated_in_float64(library):
    X = library.array(np.random.default_rng(0).standard_normal((1500, 8)).astype(np.float32))
    loss = mc.losses.Pairwise(lambda D: (D * 0 + 1.1, D * 0))
    with small("float32", edge=300), mc.options(precision="fast"):  # D is not the point
        value, _ = mc.value_and_grad(loss, X)
    each = float(np.float32(1.1))
    assert float(library.numpy(value)) == pytest.approx(each * 1500 * 1499, rel=1e-7)


# --------------------------------------------------------------------------------- built-in losses


def naive_mlkr(A, X, y):
    """The textbook's loops in plain Python."""
    total = 0.0
    for i in range(len(X)):
        k = [np.exp(-np.sum((A @ (X[i] - X[j])) ** 2)) if j != i else 0.0 for j in range(len(X))]
        total += (np.dot(k, y) / np.sum(k) - y[i]) ** 2
    return total


def test_mlkr_against_the_textbook(library):
    p = problem("factor", 12, None, 3)
    y = p.rng.standard_normal(12)
    value, gradient = mc.value_and_grad(
        mc.losses.MLKR(library.array(y)), library.array(p.X), metric=p.metric(library)
    )
    assert float(library.numpy(value)) == pytest.approx(naive_mlkr(p.parameter, p.X, y))
    for index in np.ndindex(p.parameter.shape):
        step = np.zeros(p.parameter.shape)
        step[index] = 1e-6
        up, down = (naive_mlkr(p.parameter + s * step, p.X, y) for s in (1, -1))
        slope = (up - down) / 2e-6
        assert library.numpy(gradient.metric)[index] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_mlkr_takes_whole_numbers_as_targets(library):
    p = problem("factor", 12, None, 3)
    y = p.rng.integers(0, 5, 12)
    results = [
        mc.value_and_grad(mc.losses.MLKR(library.array(t)), library.array(p.X))[0]
        for t in (y, y.astype(float))
    ]
    assert float(library.numpy(results[0])) == float(library.numpy(results[1]))


def test_mlkr_where_every_neighbour_is_far_away(library):
    X = np.arange(6.0)[:, None] * 1e3  # exp(-1e6) underflows; the nearest still counts
    y = np.array([1.0, 2, 4, 8, 16, 32])
    value, gradient = mc.value_and_grad(mc.losses.MLKR(library.array(y)), library.array(X), wrt="X")
    assert float(library.numpy(value)) == pytest.approx(
        float(oracle.mlkr(oracle.sqdist(X, None, "euclidean", None), y))
    )
    assert np.isfinite(library.numpy(gradient.X)).all()


def test_data_of_pairwise_are_a_column_of_the_rows_and_a_row_of_the_columns(library):
    def f(D, a, b):  # it may run in another process, from which only the value comes back
        assert tuple(a.shape) == (D.shape[0], 1)
        assert tuple(b.shape) == (1, D.shape[1])
        return D * 0 + 1, D * 0

    p = problem("factor", 5, 3, 2)
    data = library.arrays(np.arange(5.0), np.arange(3.0))
    loss = mc.losses.Pairwise(f, data=data[0], data_Y=data[1])
    value, _ = mc.value_and_grad(loss, *p.points(library))
    assert float(library.numpy(value)) == 15


def test_losses_can_be_used_again(library):
    loss = mc.losses.MLKR(library.array(np.arange(6.0)))
    X = library.array(np.random.default_rng(0).standard_normal((6, 2)))
    values = {float(library.numpy(mc.value_and_grad(loss, X)[0])) for _ in range(3)}
    assert len(values) == 1


@pytest.mark.may_warn
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize("loss", [mc.losses.MLKR, mc.losses.NCA])
def test_distances_that_overflow_give_no_number(library, loss, tiling):
    X = library.array(1e160 * np.arange(1.0, 9.0)[:, None])
    data = library.array(np.array([0, 1, 1, 0, 0, 1, 0, 1]))
    with TILES[tiling](), mc.options(check_finite=False):
        value, _ = mc.value_and_grad(loss(data), X)
    assert np.isnan(library.numpy(value))


@pytest.mark.may_warn
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("tiling", TILES)
def test_distances_whose_norms_overflow_have_their_nearest_point(library, tiling):
    places = np.array([1.0, 1.1, 1.3, 1.6, 2.0, 2.5])
    y = np.array([0.0, 1.0, 3.0, 7.0, 15.0, 31.0])
    with TILES[tiling]():
        value, _ = mc.value_and_grad(
            mc.losses.MLKR(library.array(y)), library.array(6e153 * places[:, None])
        )
    nearest = np.array([1, 0, 1, 2, 3, 4])
    assert library.numpy(value) == pytest.approx(((y[nearest] - y) ** 2).sum(), rel=1e-12)


def test_mlkr_does_not_see_an_offset_of_each_component_of_its_targets(library):
    """Targets are taken less the mean of each component: an offset costs no digits."""
    rng = np.random.default_rng(0)
    X = library.array(rng.standard_normal((60, 3)).astype("float32"))
    y = rng.integers(-16, 17, (60, 2)).astype("float32") / 8
    offset = np.asarray([2**15, -(2**15)], dtype="float32")
    near, far = (
        mc.value_and_grad(mc.losses.MLKR(library.array(targets)), X, wrt="X")
        for targets in (y, y + offset)
    )
    for a, b in zip((far[0], far[1].X), (near[0], near[1].X), strict=True):
        a, b = library.numpy(a), library.numpy(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


# ------------------------------------------------------------------------------------------- names


class Named(LogSum):
    """A loss whose reduction has a name of the user's choice."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def reductions(self):
        return {self.name: next(iter(super().reductions().values()))}

    def row_function(self, row):
        return getattr(row, self.name)


@pytest.mark.parametrize(
    ("name", "message"),
    [("row", "a reduction named 'row', the name of a side"), ("a b", "no identifier")],
)
def test_reductions_have_names_of_their_own(name, message):
    with pytest.raises(ValueError, match=message):
        mc.value(Named(name), np.eye(3))
    assert mc.value(Named("rows"), np.eye(3)) == mc.value(LogSum(), np.eye(3))
