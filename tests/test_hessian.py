"""Products of a loss's Hessian with a direction: against gradients, symmetric, linear, refused."""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import metric as metric_of
from forms import problem
from maha_core.losses import Loss
from maha_core.reductions import LogSumExp, SoftmaxMean
from tiles import EDGE, small

N, D = 2 * EDGE + 3, 3
FORMS = oracle.FORMS
OTHER_FORMS = [form for form in FORMS if form != "factor"]  # which is tested with every loss
TILES = {"small": small, "default": mc.options}
STEP = 1e-5


class Mixed(Loss):
    """A function of two reductions, curved in both."""

    def __init__(self, y, sample_weight=None):
        self.y = y
        self.sample_weight = sample_weight

    def point_data(self):
        return (mc.losses.PointData("y", self.y),)

    def reductions(self):
        return {"mean": SoftmaxMean("y", mc.kernels.Matern52()), "log": LogSumExp()}

    def row_function(self, row):
        return row.log * (row.mean - row.y) ** 2


def loss_of(name, rng, n, m, library):
    """Return a loss of n points, and m others, whose arrays are the library's."""
    numbers, labels = rng.standard_normal(n), rng.integers(0, 3, n)
    of_Y = (None, None) if m is None else (rng.standard_normal(m), rng.integers(0, 3, m))
    i, j = np.sort(rng.integers(0, n, 9)), rng.integers(0, n if m is None else m, 9)
    same = rng.integers(0, 2, 9)
    arrays, losses = library.arrays, mc.losses
    lists = (lambda *given: given) if library.lazy else arrays  # of the chunks' library
    if name == "LMNN":
        targets = np.stack([np.roll(np.arange(n), -1), np.roll(np.arange(n), -2)], axis=1)
        return losses.LMNN(*arrays(labels, targets), sample_weight=library.array(abs(numbers)))
    return {
        "MLKR": lambda: losses.MLKR(*arrays(numbers, of_Y[0])),
        "MLKR of vectors": lambda: losses.MLKR(
            library.array(np.stack([numbers, numbers**2], axis=1)),
            None if m is None else library.array(np.stack([of_Y[0], of_Y[0] ** 2], axis=1)),
            sample_weight=library.array(abs(numbers)),
        ),
        "NCA": lambda: losses.NCA(*arrays(labels, of_Y[1])),
        "log NCA": lambda: losses.NCA(*arrays(labels, of_Y[1]), log=True),
        "Pairwise": lambda: losses.Pairwise(lambda D: np.exp(-D) * D),
        "Pairwise of a kernel": lambda: losses.Pairwise(mc.kernels.Matern52(), symmetric=True),
        "Contrastive": lambda: losses.Contrastive(*lists(i, j, same), margin=3.0),
        "Triplet": lambda: losses.Triplet(*lists(i, j, (j + 1) % (n if m is None else m))),
        "Mixed": lambda: Mixed(library.array(numbers), library.array(abs(numbers))),
    }[name]()


def directions(p, rng, of=("metric", "X", "Y")):
    """Return random tangents by the names of the arguments, for everything that p has."""
    at = {"metric": p.parameter, "X": p.X, "Y": p.Y}
    found = {name: rng.standard_normal(at[name].shape) for name in p.wrt if name in of}
    if p.form == "covariance" and "metric" in found:
        found["metric"] = found["metric"] + found["metric"].T  # a covariance stays symmetric
    return found


def each_direction(p):
    """Yield tangents of the metric alone, of the points alone, and of all at once."""
    for of in (("metric",), ("X", "Y"), ("metric", "X", "Y")):
        along = directions(p, p.rng, of)
        if along:
            yield along


def product(library, loss, p, along, wrt=None):
    """Return the Hessian's product as NumPy arrays."""
    wrt = wrt or p.wrt
    tangents = {f"{name}_tangent": library.array(value) for name, value in along.items()}
    found = mc.hvp(loss, *p.points(library), metric=p.metric(library), wrt=wrt, **tangents)
    return {name: library.numpy(getattr(found, name)) for name in wrt}


def difference(library, loss, p, along):
    """Return the central difference of gradients."""
    at = {"metric": p.parameter, "X": p.X, "Y": p.Y}

    def gradient(step):
        now = dict(at)
        for name, tangent in along.items():
            now[name] = now[name] + step * tangent
        metric = metric_of(p.form, *library.arrays(now["metric"]))
        points = library.arrays(now["X"], now["Y"])
        found = mc.value_and_grad(loss, *points, metric=metric, wrt=p.wrt)[1]
        return {name: library.numpy(getattr(found, name)) for name in p.wrt}

    up, down = gradient(STEP), gradient(-STEP)
    return {name: (up[name] - down[name]) / (2 * STEP) for name in p.wrt}


def check(found, expected, relative=1e-7):
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name],
            values,
            rtol=0,
            atol=relative * max(1.0, np.abs(values).max()),
            err_msg=name,
        )


def definite(form, m):
    """Return a problem whose D is above 0."""
    p = problem(form, N, m, D)
    if form == "full":
        p.parameter[...] = p.parameter @ p.parameter.T
    return p


OF_EACH_KIND = ["MLKR", "NCA", "Pairwise"]
ALONE = ["LMNN"]
LOSSES = [
    *("MLKR", "MLKR of vectors", "NCA", "log NCA", "Pairwise", "Pairwise of a kernel"),
    *("Contrastive", "Triplet", "LMNN", "Mixed"),
]
CASES = [
    (name, m) for name in LOSSES for m in (None, 7) if m is None or name not in (*ALONE, "Mixed")
]


@pytest.mark.parametrize("tiling", TILES)
@pytest.mark.parametrize(("name", "m"), CASES)
def test_it_is_the_difference_of_gradients(library, name, m, tiling):
    p = problem("factor", N, m, D)
    loss = loss_of(name, p.rng, N, m, library)
    with TILES[tiling]():
        for along in each_direction(p):
            check(product(library, loss, p, along), difference(library, loss, p, along))


@pytest.mark.parametrize("name", OF_EACH_KIND)
@pytest.mark.parametrize("m", [None, 7])
@pytest.mark.parametrize("form", OTHER_FORMS)
def test_in_every_metric(library, form, m, name):
    p = definite(form, m)
    loss = loss_of(name, p.rng, N, m, library)
    with small():
        for along in each_direction(p):
            check(product(library, loss, p, along), difference(library, loss, p, along))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_asked_beside_changes_nothing(library, form):
    p = definite(form, 7)
    loss = loss_of("MLKR", p.rng, N, 7, library)
    for along in each_direction(p):
        together = product(library, loss, p, along)
        for name in p.wrt:
            check(product(library, loss, p, along, (name,)), {name: together[name]}, 1e-12)


@pytest.mark.parametrize("name", ["MLKR", "log NCA", "Pairwise of a kernel"])
@pytest.mark.parametrize("kind", ["duplicates", "clusters"])
def test_of_points_that_are_close(library, kind, name):
    p = problem("factor", N, None, D)
    if kind == "duplicates":
        p.X[1::2] = p.X[:-1:2]
    else:
        p.X[...] = 1e3 * p.rng.standard_normal((4, D))[np.arange(N) % 4] + 0.3 * p.X
    loss = loss_of(name, p.rng, N, None, library)
    along = directions(p, p.rng, ("X",))
    found, expected = product(library, loss, p, along), difference(library, loss, p, along)
    check({"X": found["X"]}, {"X": expected["X"]}, 1e-6)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "factor") for name in LOSSES),
        *((name, form) for name in OF_EACH_KIND for form in OTHER_FORMS),
    ],
)
def test_the_hessian_is_symmetric(library, name, form):
    p = definite(form, None)
    loss = loss_of(name, p.rng, N, None, library)
    u, v = directions(p, p.rng), directions(p, p.rng)
    Hu, Hv = product(library, loss, p, u), product(library, loss, p, v)
    one, other = (sum(np.vdot(a[name], b[name]) for name in p.wrt) for a, b in ((u, Hv), (v, Hu)))
    size = sum(np.abs(u[name] * Hv[name]).sum() for name in p.wrt)
    assert abs(one - other) <= 1e-11 * max(1.0, size)


def test_it_is_linear_in_the_direction(library):
    p = problem("factor", N, None, D)
    loss = loss_of("MLKR", p.rng, N, None, library)
    u, v = directions(p, p.rng), directions(p, p.rng)
    mixed = {name: 2 * u[name] - 3 * v[name] for name in u}
    Hu, Hv, found = (product(library, loss, p, one) for one in (u, v, mixed))
    check(found, {name: 2 * Hu[name] - 3 * Hv[name] for name in Hu}, 1e-12)


def test_a_coincident_pair_has_no_infinite_part(library):
    p = problem("factor", N, None, D)
    p.X[3] = p.X[8]
    loss = mc.losses.Pairwise(np.sqrt, symmetric=True)
    found = product(library, loss, p, directions(p, p.rng, ("metric",)))
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("name", ["MLKR", "NCA", "Pairwise"])
def test_float32_has_its_digits(library, name):
    p = problem("factor", N, None, D)
    loss = loss_of(name, np.random.default_rng(1), N, None, library)
    along = directions(p, p.rng)
    expected = product(library, loss, p, along)
    single = problem("factor", N, None, D, "float32")
    single.X[...], single.parameter[...] = p.X, p.parameter
    low = loss
    if name == "MLKR":
        y = np.random.default_rng(1).standard_normal(N).astype("float32")
        low = mc.losses.MLKR(library.array(y))
    found = product(library, low, single, {k: v.astype("float32") for k, v in along.items()})
    assert all(values.dtype == "float32" for values in found.values())
    check(found, expected, 2e-5)


def test_no_points_have_no_curvature(library):
    p = problem("factor", 0, None, D)
    loss = mc.losses.Pairwise(lambda D: D**2)
    found = product(library, loss, p, directions(p, p.rng))
    assert found["X"].shape == (0, D)
    assert not found["metric"].any()


# ------------------------------------------------------------------------------------- bad input

X, A = np.random.default_rng(0).standard_normal((6, D)), np.eye(D)
QUADRATIC = mc.losses.Pairwise(lambda D: D**2)
FACTOR, OF_X = mc.Factor(A), {"X_tangent": X}


def bad(array, value=np.nan):
    spoiled = np.array(array)
    spoiled.flat[1] = value
    return spoiled


REFUSED = [
    (TypeError, "loss", lambda: mc.hvp(lambda D: D, X, **OF_X)),
    (TypeError, "loss", lambda: mc.hvp(None, X, **OF_X)),
    (TypeError, "loss", lambda: mc.hvp(mc.losses.Pairwise, X, **OF_X)),
    (TypeError, "X", lambda: mc.hvp(QUADRATIC, X.tolist(), **OF_X)),
    (ValueError, "X", lambda: mc.hvp(QUADRATIC, X[0], **OF_X)),
    (ValueError, "X", lambda: mc.hvp(QUADRATIC, bad(X), **OF_X)),
    (TypeError, "Y", lambda: mc.hvp(QUADRATIC, X, X.astype("float32"), **OF_X)),
    (ValueError, "Y", lambda: mc.hvp(QUADRATIC, X, X[:, :2], **OF_X)),
    (TypeError, "metric", lambda: mc.hvp(QUADRATIC, X, metric=A, **OF_X)),
    (ValueError, "metric", lambda: mc.hvp(QUADRATIC, X, metric=mc.Factor(A[:, :2]), **OF_X)),
    (ValueError, "direction", lambda: mc.hvp(QUADRATIC, X)),
    (ValueError, "metric_tangent", lambda: mc.hvp(QUADRATIC, X, metric_tangent=A)),
    (ValueError, "Y_tangent", lambda: mc.hvp(QUADRATIC, X, Y_tangent=X)),
    (ValueError, "X_tangent", lambda: mc.hvp(QUADRATIC, X, X_tangent=X[:3])),
    (TypeError, "X_tangent", lambda: mc.hvp(QUADRATIC, X, X_tangent=X.astype("float32"))),
    (TypeError, "X_tangent", lambda: mc.hvp(QUADRATIC, X, X_tangent=X.tolist())),
    (ValueError, "X_tangent", lambda: mc.hvp(QUADRATIC, X, X_tangent=bad(X))),
    (
        ValueError,
        "metric_tangent",
        lambda: mc.hvp(QUADRATIC, X, metric=FACTOR, metric_tangent=A[:1]),
    ),
    (
        ValueError,
        "metric_tangent",
        lambda: mc.hvp(QUADRATIC, X, metric=FACTOR, metric_tangent=bad(A, np.inf)),
    ),
    (ValueError, "wrt", lambda: mc.hvp(QUADRATIC, X, wrt="Y", **OF_X)),
    (ValueError, "wrt", lambda: mc.hvp(QUADRATIC, X, wrt="metric", **OF_X)),
    (ValueError, "wrt", lambda: mc.hvp(QUADRATIC, X, wrt="values", **OF_X)),
    (TypeError, "wrt", lambda: mc.hvp(QUADRATIC, X, wrt=(), **OF_X)),
    (ValueError, "y", lambda: mc.hvp(mc.losses.MLKR(X[:2, 0]), X, **OF_X)),
    (ValueError, "y_Y", lambda: mc.hvp(mc.losses.MLKR(X[:, 0]), X, X, **OF_X)),
    (
        TypeError,
        "f cannot be derived twice",
        lambda: mc.hvp(mc.losses.Pairwise(lambda D: (D.copy(), D * 0 + 1)), X, **OF_X),
    ),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_bad_input_is_refused_by_name(error, name, call):
    with pytest.raises(error, match=name):
        call()
