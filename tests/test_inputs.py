"""Every row of the table of inputs, for every public function.

An error is of the exact class, and its message names the argument.
"""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse

import calls
import maha_core as mc
from calls import ALONE, CALLS, D, M, N, every_argument, leaves
from maha_core.dispatch import backend_of


def refuses(error, *words):
    """Expect an error of exactly this class whose message has all of these words."""
    return _Refusal(error, words)


class _Refusal:
    def __init__(self, error, words):
        self.error, self.words = error, words

    def __enter__(self):
        return self

    def __exit__(self, kind, raised, traceback):
        assert kind is not None, f"no error; expected {self.error.__name__}"
        if not issubclass(kind, Exception):
            return False
        assert kind is self.error, f"{kind.__name__}({raised}); expected {self.error.__name__}"
        for word in self.words:
            assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", str(raised)), (
                f"no {word!r} in: {raised}"
            )
        return True


EVERY_ARGUMENT = pytest.mark.parametrize(("name", "argument"), every_argument())

# ------------------------------------------------------------------------------- kinds of arrays


class DataFrame:
    """What pandas would give: it has values, a dtype and a shape, and converts by __array__."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape

    def __array__(self, dtype=None, copy=None):
        return self.values

    def to_numpy(self):
        return self.values


def _ml_dtypes():
    return pytest.importorskip("ml_dtypes", reason="ml_dtypes, which has bfloat16, is not here")


DataFrame.__module__ = "pandas.core.frame"

UNSUPPORTED = {
    "float16": lambda a: a.astype(np.float16),
    "bfloat16": lambda a: a.astype(_ml_dtypes().bfloat16),
    "longdouble": lambda a: a.astype(np.longdouble),
    "complex": lambda a: a.astype(np.complex128),
    "object": lambda a: a.astype(object),
    "string": lambda a: a.astype(str),
    "bytes": lambda a: a.astype(bytes),
    "date": lambda a: a.astype("datetime64[D]"),
    "timedelta": lambda a: a.astype("timedelta64[s]"),
    "structured": lambda a: a.astype([("field", np.float64)]),
    "masked array": np.ma.MaskedArray,
    "matrix": lambda a: np.asmatrix(a),
    "sparse matrix": lambda a: scipy.sparse.csr_matrix(np.atleast_2d(a)),
    "sparse array": lambda a: scipy.sparse.csr_array(np.atleast_2d(a)),
    "DataFrame": DataFrame,
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()),
    "number": lambda a: 1.0,
    "NumPy number": lambda a: np.float64(1.0),
    "string itself": lambda a: "points",
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", UNSUPPORTED)
@EVERY_ARGUMENT
def test_unsupported_kind_is_a_type_error(name, argument, kind):
    call = calls.get(name)
    bad = UNSUPPORTED[kind](call.arrays[argument])
    with refuses(TypeError, argument):
        call(**{argument: bad})


CONVERSIONS = {
    "float16": "astype",
    "longdouble": "astype",
    "list": "asarray",
    "tuple": "asarray",
    "DataFrame": "to_numpy",
    "sparse matrix": "toarray",
    "masked array": "filled",
    "matrix": "asarray",
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(("kind", "conversion"), CONVERSIONS.items())
@pytest.mark.parametrize("argument", ["X", "Y", "A"])
def test_the_error_names_the_conversion(argument, kind, conversion):
    bad = UNSUPPORTED[kind](calls.DATA[argument])
    with pytest.raises(TypeError, match=conversion):
        CALLS["sqdist"](**{argument: bad})


@pytest.mark.parametrize("name", [name for name, call in CALLS.items()])
def test_X_is_not_optional(name):
    with refuses(TypeError, "X"):
        CALLS[name](X=None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", {**CALLS, **ALONE})
def test_floating_dtypes_are_kept(name, dtype):
    for leaf in leaves(calls.get(name)(lambda _, array: array.astype(dtype))):
        assert leaf.dtype == dtype or (name == "nearest" and leaf.dtype.kind == "i")


WHOLE = ["int8", "uint8", "int16", "uint32", "int64", "uint64", "bool"]


def whole(name, array):
    """Round an argument to small positive whole numbers; keep S definite."""
    if name == "S":
        return np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    return np.arange(array.size).reshape(array.shape) * 7 % 5 % 3


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("name", {**CALLS, **ALONE})
def test_whole_numbers_become_float64(name, dtype):
    call = calls.get(name)

    def convert(argument, array):
        values = whole(argument, array)
        if dtype == "bool":
            values = np.eye(D) if argument == "S" else values % 2
        return values.astype(dtype)

    results = leaves(call(convert))
    expected = leaves(call(lambda argument, array: convert(argument, array).astype(np.float64)))
    for actual, wanted in zip(results, expected, strict=True):
        assert actual.dtype == wanted.dtype
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize(("name", "argument"), [c for c in every_argument() if c[1] != "X"])
def test_whole_numbers_beside_float32_become_float32(name, argument):
    def convert(each, array):
        values = whole(each, array)
        return values.astype(np.int64 if each == argument else np.float32)

    for leaf in leaves(calls.get(name)(convert)):
        assert leaf.dtype == "float32" or (name == "nearest" and leaf.dtype.kind == "i")


@pytest.mark.parametrize(("name", "argument"), [c for c in every_argument() if c[1] != "X"])
def test_mixed_floating_dtypes_are_a_type_error(name, argument):
    call = calls.get(name)
    with refuses(TypeError, argument, "float32", "float64"):
        call(**{argument: call.arrays[argument].astype(np.float32)})


@pytest.mark.parametrize(("name", "argument"), [c for c in every_argument() if c[1] != "X"])
def test_mixed_libraries_are_a_type_error(name, argument):
    strict = pytest.importorskip("array_api_strict")
    call = calls.get(name)
    with refuses(TypeError, argument, "numpy", "array_api_strict"):
        call(**{argument: strict.asarray(call.arrays[argument])})


@pytest.mark.parametrize(("name", "argument"), [c for c in every_argument() if c[1] != "X"])
def test_mixed_devices_are_a_value_error(name, argument):
    strict = pytest.importorskip("array_api_strict")
    other = strict.Device("device1")
    call = calls.get(name)
    moved = strict.asarray(call.arrays[argument], device=other)
    with refuses(ValueError, argument, "device1", "CPU_DEVICE"):
        call(lambda _, array: strict.asarray(array), **{argument: moved})


# ----------------------------------------------------------------------------------------- shapes

POINTS = [c for c in every_argument() if c[1] in ("X", "Y")]


@pytest.mark.parametrize("shape", [(), (D,), (N, D, 1)])
@pytest.mark.parametrize(("name", "argument"), POINTS)
def test_points_that_are_not_a_matrix(name, argument, shape):
    with refuses(ValueError, argument):
        calls.get(name)(**{argument: np.ones(shape)})


@pytest.mark.parametrize(("name", "argument"), [c for c in POINTS if c[0] != "from_points"])
def test_wrong_number_of_columns_names_both_shapes(name, argument):
    rows = len(calls.DATA[argument])
    with pytest.raises(ValueError, match=rf"\({rows}, {D + 1}\)") as raised:
        calls.get(name)(**{argument: np.ones((rows, D + 1))})
    assert type(raised.value) is ValueError
    assert len(re.findall(r"\(\d+(?:, \d*)*,?\)|column", str(raised.value))) >= 2


ADVICE = {
    (): "[None, None]",
    (D,): "[:, None]",
    (2, N, D): "each is a batch",
    (N, D, 1, 1): "flatten",
}


@pytest.mark.parametrize("shape", ADVICE)
@pytest.mark.parametrize("argument", ["X", "Y"])
def test_the_error_says_how_to_make_rows_of_points(argument, shape):
    advice = "Y[None, :]" if (argument, shape) == ("Y", (D,)) else ADVICE[shape]
    with pytest.raises(ValueError, match=re.escape(advice)):
        CALLS["nearest"](**{argument: np.ones(shape)})


def test_points_without_columns():
    with refuses(ValueError, "X"):
        mc.sqdist(np.ones((4, 0)))
    with refuses(ValueError, "X"):
        mc.nearest(np.ones((4, 0)), k=1)
    with refuses(ValueError, "X"):
        mc.value_and_grad(mc.losses.MLKR(np.ones(4)), np.ones((4, 0)))
    with refuses(ValueError, "X"):
        mc.Covariance.from_points(np.ones((4, 0)))


PARAMETERS = {"M": mc.Full, "A": mc.Factor, "w": mc.Diagonal, "S": mc.Covariance}
BAD_SHAPES = {
    "M": [(), (D,), (D, D + 1), (D, D, D + 1), (0, 0)],
    "A": [(), (D,), (2, 0)],
    "w": [(), (0,)],
    "S": [(), (D,), (D, D + 1), (D, D, D + 1), (0, 0)],
}


@pytest.mark.parametrize(
    ("argument", "shape"), [(a, shape) for a, shapes in BAD_SHAPES.items() for shape in shapes]
)
def test_parameter_of_a_wrong_shape(argument, shape):
    with refuses(ValueError, argument):
        mc.sqdist(np.ones((N, D)), metric=PARAMETERS[argument](np.ones(shape)))


@pytest.mark.parametrize("argument", PARAMETERS)
def test_parameter_for_points_of_another_width_names_both_shapes(argument):
    parameter = np.ones(D + 1) if argument == "w" else np.eye(D + 1)
    metric = PARAMETERS[argument](parameter)
    for function in (
        lambda X: mc.sqdist(X, metric=metric),
        lambda X: mc.dist(X, metric=metric),
        lambda X: mc.nearest(X, metric=metric, k=1),
        lambda X: mc.jacobian(X, metric=metric),
        lambda X: mc.jacobian_slice(X, metric=metric, index=0 if argument == "w" else (0, 0)),
        lambda X: mc.jvp(X, metric=metric, metric_tangent=parameter),
        lambda X: mc.vjp(X, metric=metric, cotangent=np.ones((N, N))),
        lambda X: mc.value_and_grad(mc.losses.MLKR(np.ones(N)), X, metric=metric),
        metric.embed,
    ):
        with pytest.raises(ValueError, match=rf"\({N}, {D}\)|{D} columns") as raised:
            function(np.random.default_rng(0).random((N, D)))
        assert type(raised.value) is ValueError
        assert re.search(rf"\b{argument}\b|metric", str(raised.value))
        assert str(D + 1) in str(raised.value)


WRONG_LENGTHS = {
    "cotangent": [(N, M + 1), (M, N), (N,), (N, M, 1)],
    "metric_tangent": [(D, D), (D,), (1, 2, D)],
    "X_tangent": [(N + 1, D), (N, D + 1), (D,)],
    "Y_tangent": [(M + 1, D), (M, D + 1), (N, D)],
    "y": [(N + 1,), (N, 1), (N, 1, 1), ()],  # numbers beside vectors of Y
    "y_Y": [(M + 1,), (M, 1), (N,)],
    "sample_weight": [(N + 1,), (N, 1), (M,)],
    "data": [(N + 1,), (N, 2)],
    "data_Y": [(M + 1,), (N,)],
}


@pytest.mark.parametrize(
    ("name", "argument", "shape"),
    [
        (name, argument, shape)
        for name, argument in every_argument()
        for shape in WRONG_LENGTHS.get(argument, [])
    ],
)
def test_companions_of_a_wrong_shape(name, argument, shape):
    with refuses(ValueError, argument):
        calls.get(name)(**{argument: np.ones(shape)})


# ----------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@EVERY_ARGUMENT
def test_nan_and_infinity_are_value_errors(name, argument, bad):
    call = calls.get(name)
    spoilt = call.arrays[argument].copy()
    spoilt.flat[-1] = bad
    if argument == "S":
        spoilt.flat[0] = bad
    with refuses(ValueError, argument):
        call(**{argument: spoilt})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", [mc.sqdist, mc.dist])
def test_check_finite_can_be_turned_off(function):
    X = calls.DATA["X"].copy()
    X[0, 0] = np.nan
    with mc.options(check_finite=False):
        D = function(X, calls.DATA["Y"])
    assert np.isnan(D[0]).all()
    assert np.isfinite(D[1:]).all()


@pytest.mark.parametrize("k", [-1, 0, M + 1])
def test_number_of_neighbours_out_of_range(k):
    with refuses(ValueError, "k"):
        CALLS["nearest"](k=k)


def test_a_point_is_not_its_own_neighbour():
    with refuses(ValueError, "k"):
        mc.nearest(calls.DATA["X"], k=N)
    mc.nearest(calls.DATA["X"], calls.DATA["X"], k=N)


@pytest.mark.parametrize("k", [2.0, "2", None, [2]])
def test_number_of_neighbours_that_is_no_whole_number(k):
    with refuses(TypeError, "k"):
        CALLS["nearest"](k=k)


@pytest.mark.parametrize(("k", "error"), [(-3, ValueError), (0, ValueError), ("2", TypeError)])
def test_number_of_neighbours_of_no_points(k, error):
    X, labels = np.empty((0, 3)), np.empty(0, dtype=int)
    with refuses(error, "k"):
        mc.nearest(X, k=k)
    with refuses(error, "k"):
        mc.target_neighbors(X, labels, k=k)


def test_no_points_have_no_neighbours():
    X, labels = np.empty((0, 3)), np.empty(0, dtype=int)
    assert mc.nearest(X, k=4).index.shape == (0, 4)
    assert mc.target_neighbors(X, labels, k=4).shape == (0, 4)


@pytest.mark.parametrize("index", [(2, 0), (0, D), (0,), (0, 0, 0), 0, (-3, 0)])
def test_index_of_a_slice_out_of_range(index):
    with refuses(ValueError, "index"):
        CALLS["jacobian_slice"](index=index)


@pytest.mark.parametrize("index", [D, (0, 0), -D - 1])
def test_index_of_a_slice_of_diagonal_out_of_range(index):
    with refuses(ValueError, "index"):
        mc.jacobian_slice(calls.DATA["X"], metric=mc.Diagonal(calls.DATA["w"]), index=index)


@pytest.mark.parametrize("index", [(0.0, 1.0), "ab", None, (slice(None), 0)])
def test_index_of_a_slice_that_is_no_whole_number(index):
    with refuses(TypeError, "index"):
        CALLS["jacobian_slice"](index=index)


PAIRED = {
    "sqdist": lambda pairs: CALLS["sqdist"](pairs=pairs),
    "dist": lambda pairs: CALLS["dist"](pairs=pairs),
    "jvp": lambda pairs: CALLS["jvp"](pairs=pairs),
    "vjp": lambda pairs: CALLS["vjp"](pairs=pairs, cotangent=np.ones(3)),
}
GOOD_I, GOOD_J = np.array([0, 1, N - 1]), np.array([0, M - 1, 2])
BAD_PAIRS = {
    "i too large": (ValueError, (np.array([0, 1, N]), GOOD_J)),
    "j too large": (ValueError, (GOOD_I, np.array([0, 1, M]))),
    "i negative": (ValueError, (np.array([0, 1, -1]), GOOD_J)),
    "j negative": (ValueError, (GOOD_I, np.array([0, -1, 1]))),
    "of unequal lengths": (ValueError, (GOOD_I, GOOD_J[:2])),
    "2-D": (ValueError, (GOOD_I[:, None], GOOD_J[:, None])),
    "0-D": (ValueError, (np.asarray(0), np.asarray(0))),
    "floating": (TypeError, (GOOD_I.astype(float), GOOD_J)),
    "bool": (TypeError, (np.array([True, False, True]), GOOD_J)),
    "lists": (TypeError, (GOOD_I.tolist(), GOOD_J.tolist())),
    "not two": (TypeError, GOOD_I),
}


@pytest.mark.parametrize("what", BAD_PAIRS)
@pytest.mark.parametrize("name", PAIRED)
def test_bad_pairs(name, what):
    error, pairs = BAD_PAIRS[what]
    with refuses(error, "pairs"):
        PAIRED[name](pairs)


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_of_another_library(name):
    strict = pytest.importorskip("array_api_strict")
    with refuses(TypeError, "pairs"):
        PAIRED[name]((strict.asarray(GOOD_I), strict.asarray(GOOD_J)))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
@pytest.mark.parametrize("name", PAIRED)
def test_pairs_of_any_integer_dtype(name, dtype):
    expected = leaves(PAIRED[name]((GOOD_I, GOOD_J)))
    actual = leaves(PAIRED[name]((GOOD_I.astype(dtype), GOOD_J.astype(dtype))))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_cotangent_of_pairs_has_one_entry_each():
    with refuses(ValueError, "cotangent"):
        CALLS["vjp"](pairs=(GOOD_I, GOOD_J))  # (n, m) instead of (p,)
    with refuses(ValueError, "cotangent"):
        CALLS["vjp"](pairs=(GOOD_I, GOOD_J), cotangent=np.ones(4))


NOT_DEFINITE = {
    "zero": np.zeros((D, D)),
    "singular": np.ones((D, D)),
    "indefinite": np.diag([1.0, -1.0, 1.0]),
}


@pytest.mark.parametrize("what", NOT_DEFINITE)
def test_covariance_that_is_not_positive_definite(what):
    with pytest.raises(ValueError, match="ridge") as raised:
        mc.sqdist(calls.DATA["X"], metric=mc.Covariance(NOT_DEFINITE[what]))
    assert type(raised.value) is ValueError


def test_covariance_that_is_not_symmetric():
    S = np.eye(D)
    S[0, 1] = 0.1
    with refuses(ValueError, "S", "symmetric"):
        mc.sqdist(calls.DATA["X"], metric=mc.Covariance(S))


def test_dist_of_a_metric_that_makes_D_negative():
    for metric in (mc.Full(np.diag([1.0, 1.0, -4.0])), mc.Diagonal(np.array([1.0, 1.0, -4.0]))):
        with refuses(ValueError, "metric"):
            mc.dist(calls.DATA["X"], metric=metric)
        with refuses(ValueError, "metric"):
            mc.dist(calls.DATA["X"], calls.DATA["Y"], metric=metric)
        i = np.repeat(np.arange(N), M)
        j = np.tile(np.arange(M), N)
        with refuses(ValueError, "metric"):
            mc.dist(calls.DATA["X"], calls.DATA["Y"], metric=metric, pairs=(i, j))
        assert mc.sqdist(calls.DATA["X"], metric=metric).min() < 0


# -------------------------------------------------------------------------------------------- out


@pytest.mark.parametrize("function", [mc.sqdist, mc.dist])
class TestOut:
    X, Y = calls.DATA["X"], calls.DATA["Y"]

    def test_is_filled_and_returned(self, function):
        out = np.full((N, M), np.nan)
        assert function(self.X, self.Y, out=out) is out
        np.testing.assert_array_equal(out, function(self.X, self.Y))

    def test_is_filled_for_points_that_meet_themselves(self, function):
        out = np.full((N, N), np.nan)
        assert function(self.X, out=out) is out
        np.testing.assert_array_equal(out, function(self.X))

    def test_is_filled_for_pairs(self, function):
        out = np.full(3, np.nan)
        assert function(self.X, self.Y, pairs=(GOOD_I, GOOD_J), out=out) is out
        np.testing.assert_array_equal(out, function(self.X, self.Y, pairs=(GOOD_I, GOOD_J)))

    @pytest.mark.parametrize("view", ["strided", "Fortran", "negative"])
    def test_of_any_layout(self, function, view):
        out = {
            "strided": lambda: np.zeros((2 * N, 3 * M))[::2, ::3],
            "Fortran": lambda: np.zeros((N, M), order="F"),
            "negative": lambda: np.zeros((N, M))[::-1, ::-1],
        }[view]()
        assert function(self.X, self.Y, out=out) is out
        np.testing.assert_allclose(out, function(self.X, self.Y), rtol=1e-14)

    @pytest.mark.parametrize("shape", [(N, M + 1), (M, N), (N * M,), (N, M, 1)])
    def test_of_a_wrong_shape(self, function, shape):
        with refuses(ValueError, "out"):
            function(self.X, self.Y, out=np.zeros(shape))

    @pytest.mark.parametrize("dtype", ["float32", "int64", "complex128", "float16"])
    def test_of_a_wrong_dtype(self, function, dtype):
        with refuses(ValueError, "out"):
            function(self.X, self.Y, out=np.zeros((N, M), dtype=dtype))

    def test_overlapping_an_input(self, function):
        room = np.random.default_rng(0).standard_normal((N, N))
        with refuses(ValueError, "out"):
            function(room[:, :D], out=room)
        with refuses(ValueError, "out"):
            function(self.X, room[:, :D], out=room)
        square = np.eye(N)
        with refuses(ValueError, "out"):
            function(np.ones((N, N)), metric=mc.Full(square), out=square)

    def test_beside_an_input_in_the_same_memory(self, function):
        room = np.random.default_rng(0).standard_normal((N, D + N))
        expected = function(room[:, :D].copy())
        np.testing.assert_allclose(function(room[:, :D], out=room[:, D:]), expected, rtol=1e-14)

    def test_of_another_library(self, function):
        strict = pytest.importorskip("array_api_strict")
        with refuses(TypeError, "out"):
            function(self.X, self.Y, out=strict.zeros((N, M)))
        with refuses(TypeError, "out"):
            function(self.X, self.Y, out=[[0.0] * M] * N)

    def test_that_cannot_be_written(self, function):
        out = np.zeros((N, M))
        out.flags.writeable = False
        with pytest.raises((TypeError, ValueError), match="out"):
            function(self.X, self.Y, out=out)
        assert not out.any()

    def test_where_arrays_cannot_be_written(self, function):
        jnp = pytest.importorskip("jax.numpy")
        X = jnp.asarray(self.X)
        with refuses(TypeError, "out"):
            function(X, out=jnp.zeros((N, N), dtype=X.dtype))


# ----------------------------------------------------------------------------------------- memory


def test_a_D_that_cannot_fit(library):
    X = library.array(np.zeros((20_000_000, 1)))  # D would take 3.2 PB
    for function in (mc.sqdist, mc.dist):
        with pytest.raises(MemoryError, match=r"\d.*[KMGTP]i?B") as raised:
            function(X)
        assert type(raised.value) is MemoryError
        assert re.search("value_and_grad|nearest|pairs", str(raised.value))


def test_a_jacobian_that_cannot_fit(library):
    X = library.array(np.zeros((100_000, 500)))  # 20 PB
    metric = mc.Full(library.array(np.eye(500)))
    with pytest.raises(MemoryError, match=r"\d.*[KMGTP]i?B") as raised:
        mc.jacobian(X, metric=metric)
    assert type(raised.value) is MemoryError
    assert re.search("vjp|jvp|jacobian_slice", str(raised.value))
    with pytest.raises(MemoryError, match=r"\d.*[KMGTP]i?B"):
        mc.jacobian_slice(
            library.array(np.zeros((20_000_000, 1))),
            metric=mc.Full(library.array(np.eye(1))),
            index=(0, 0),
        )


# ------------------------------------------------------------------------------- wrt and tangents


@pytest.mark.parametrize("wrt", ["Z", ("metric", "Z"), ("X", "y"), "metrics", ""])
def test_wrt_of_an_unknown_name(wrt):
    for name in ("vjp", "MLKR", "Pairwise"):
        with refuses(ValueError, "wrt"):
            CALLS[name](wrt=wrt)


@pytest.mark.parametrize("wrt", [1, ("X", 1), {"X": 1}.values])
def test_wrt_of_a_wrong_type(wrt):
    for name in ("vjp", "MLKR"):
        with pytest.raises((TypeError, ValueError), match="wrt"):
            CALLS[name](wrt=wrt)


@pytest.mark.parametrize("wrt", ["metric", ("X", "metric")])
def test_wrt_a_metric_that_is_not_there(wrt):
    X = calls.DATA["X"]
    with refuses(ValueError, "metric"):
        mc.vjp(X, cotangent=np.ones((N, N)), wrt=wrt)
    with refuses(ValueError, "metric"):
        mc.value_and_grad(mc.losses.MLKR(np.ones(N)), X, wrt=wrt)


@pytest.mark.parametrize("wrt", ["Y", ("X", "Y")])
def test_wrt_a_Y_that_is_not_there(wrt):
    X = calls.DATA["X"]
    with refuses(ValueError, "Y"):
        mc.vjp(X, cotangent=np.ones((N, N)), wrt=wrt)
    with refuses(ValueError, "Y"):
        mc.value_and_grad(mc.losses.MLKR(np.ones(N)), X, wrt=wrt)


def test_wrt_defaults_to_the_metric_else_to_X():
    X, G = calls.DATA["X"], np.ones((N, N))
    with_metric = mc.vjp(X, metric=mc.Factor(calls.DATA["A"]), cotangent=G)
    assert with_metric.metric is not None
    assert with_metric.X is None
    assert with_metric.Y is None
    without = mc.vjp(X, cotangent=G)
    assert without.metric is None
    assert without.X.shape == (N, D)
    assert without.Y is None


def test_a_jvp_without_a_tangent():
    with refuses(ValueError, "metric_tangent", "X_tangent", "Y_tangent"):
        mc.jvp(calls.DATA["X"])


def test_a_tangent_of_what_is_not_there():
    with refuses(ValueError, "metric_tangent"):
        mc.jvp(calls.DATA["X"], metric_tangent=np.eye(D))
    with refuses(ValueError, "Y_tangent"):
        mc.jvp(calls.DATA["X"], Y_tangent=np.ones((N, D)))


@pytest.mark.parametrize("metric", [np.eye(D), "euclidean", mc.Factor, 1.0, [1.0]])
def test_a_metric_that_is_none(metric):
    X = calls.DATA["X"]
    for function in (
        lambda: mc.sqdist(X, metric=metric),
        lambda: mc.dist(X, metric=metric),
        lambda: mc.nearest(X, metric=metric, k=1),
        lambda: mc.jacobian(X, metric=metric),
        lambda: mc.jacobian_slice(X, metric=metric, index=(0, 0)),
        lambda: mc.jvp(X, metric=metric, X_tangent=X),
        lambda: mc.vjp(X, metric=metric, cotangent=np.ones((N, N))),
        lambda: mc.value_and_grad(mc.losses.MLKR(np.ones(N)), X, metric=metric),
    ):
        with refuses(TypeError, "metric"):
            function()


def test_a_jacobian_needs_a_metric():
    for function in (mc.jacobian, lambda X, metric: mc.jacobian_slice(X, metric=metric, index=0)):
        with pytest.raises((TypeError, ValueError), match="metric"):
            function(calls.DATA["X"], metric=None)


# ----------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("loss", [None, "MLKR", lambda D: (D, D), mc.losses.MLKR, 1.0])
def test_a_loss_that_is_none(loss):
    with refuses(TypeError, "loss"):
        mc.value_and_grad(loss, calls.DATA["X"])


def test_arguments_that_do_not_swap_places():
    with refuses(TypeError, "loss"):
        mc.value_and_grad(calls.DATA["X"], mc.losses.MLKR(np.ones(N)))


def test_data_of_Y_are_needed_with_Y():
    X, Y = calls.DATA["X"], calls.DATA["Y"]
    with refuses(ValueError, "y_Y"):
        mc.value_and_grad(mc.losses.MLKR(calls.DATA["y"]), X, Y)
    loss = mc.losses.Pairwise(lambda D, a, b: (D, D), data=calls.DATA["data"])
    with refuses(ValueError, "data_Y"):
        mc.value_and_grad(loss, X, Y)


def test_data_of_Y_are_needed_even_where_Y_is_X():
    X = calls.DATA["X"]
    with refuses(ValueError, "y_Y"):
        mc.value_and_grad(mc.losses.MLKR(calls.DATA["y"]), X, X)


def test_data_of_Y_without_Y():
    loss = mc.losses.MLKR(calls.DATA["y"], calls.DATA["y_Y"])
    with refuses(ValueError, "y_Y"):
        mc.value_and_grad(loss, calls.DATA["X"])


@pytest.mark.parametrize("f", [None, "square", 2.0])
def test_an_f_that_cannot_be_called(f):
    with refuses(TypeError, "f"):
        mc.value_and_grad(mc.losses.Pairwise(f), calls.DATA["X"])


@pytest.mark.parametrize("returned", [lambda D: D[:], lambda D: (D, D, D), lambda D: None])
def test_an_f_that_does_not_return_two_arrays(returned):
    with pytest.raises((TypeError, ValueError), match=r"(?<!\w)f(?!\w)"):
        mc.value_and_grad(mc.losses.Pairwise(returned), calls.DATA["X"])


@pytest.mark.parametrize("returned", [lambda D: (D, D[:1]), lambda D: (D[:, :1], D)])
def test_an_f_that_returns_another_shape(returned):
    with pytest.raises(ValueError, match=r"(?<!\w)f(?!\w)"):
        mc.value_and_grad(mc.losses.Pairwise(returned), calls.DATA["X"])


def test_an_error_inside_f_comes_through():
    def f(D):
        raise ZeroDivisionError("of the user")

    for threads in (1, 2):
        with mc.options(threads=threads), pytest.raises(ZeroDivisionError, match="of the user"):
            mc.value_and_grad(mc.losses.Pairwise(f), np.random.default_rng(0).random((800, 2)))


# ------------------------------------------------------------------------------- nothing is there


@pytest.mark.parametrize(("n", "m"), [(0, 4), (4, 0), (0, 0), (0, None)])
def test_empty_points(library, n, m):
    X, Y = library.arrays(np.zeros((n, D)), None if m is None else np.zeros((m, D)))
    metric = mc.Factor(library.array(calls.DATA["A"]))
    shape = (n, n if m is None else m)
    wrt = ("metric", "X") if m is None else ("metric", "X", "Y")
    assert library.numpy(mc.sqdist(X, Y, metric=metric)).shape == shape
    assert library.numpy(mc.dist(X, Y, metric=metric)).shape == shape
    assert library.numpy(mc.jacobian(X, Y, metric=metric)).shape == (*shape, 2, D)
    one = mc.jacobian_slice(X, Y, metric=metric, index=(0, 0))
    assert library.numpy(one).shape == shape
    assert library.numpy(mc.jvp(X, Y, metric=metric, X_tangent=X)).shape == shape
    G = library.array(np.zeros(shape))
    gradient = mc.vjp(X, Y, metric=metric, cotangent=G, wrt=wrt)
    assert library.numpy(gradient.metric).shape == (2, D)
    assert not library.numpy(gradient.metric).any()
    assert not library.numpy(gradient.X).any()
    assert library.numpy(gradient.X).shape == (n, D)
    assert m is None or library.numpy(gradient.Y).shape == (m, D)
    none = library.arrays(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert library.numpy(mc.sqdist(X, Y, metric=metric, pairs=none)).shape == (0,)


# --------------------------------------------------------------------------- memory of any layout


def _misaligned(a):
    raw = np.zeros(a.nbytes + 1, dtype=np.uint8)[1:]
    moved = raw.view(a.dtype).reshape(a.shape)
    moved[...] = a
    assert not moved.flags.aligned
    return moved


def _memory_map(a, folder):
    path = folder / "array.npy"
    np.save(path, a)
    return np.load(path, mmap_mode="r")


def _readonly(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "read-only": lambda a, folder: _readonly(a),
    "memory map": _memory_map,
    "Fortran": lambda a, folder: np.asfortranarray(a),
    "negative strides": lambda a, folder: np.flip(np.flip(a).copy()),
    "strided": lambda a, folder: (
        np.repeat(np.repeat(a, 2, 0), 3, -1)[::2, ..., ::3] if a.ndim > 1 else np.repeat(a, 2)[::2]
    ),
    "big-endian": lambda a, folder: a.astype(">f8"),
    "misaligned": lambda a, folder: _misaligned(a),
    "read-only and misaligned": lambda a, folder: _readonly_view(_misaligned(a)),
}


def _readonly_view(a):
    view = a.view()
    view.flags.writeable = False
    return view


@pytest.mark.parametrize("layout", LAYOUTS)
@EVERY_ARGUMENT
def test_any_layout_works_and_is_left_alone(name, argument, layout, tmp_path):
    call = calls.get(name)
    array = LAYOUTS[layout](call.arrays[argument], tmp_path)
    np.testing.assert_array_equal(array, call.arrays[argument])
    results = leaves(call(**{argument: array}))
    for actual, expected in zip(results, leaves(call()), strict=True):
        assert actual.dtype.isnative
        assert actual.flags.writeable
        np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(array, call.arrays[argument])


@pytest.mark.parametrize("name", CALLS)
def test_zero_strides(name):
    row, call = np.array([1.0, -2.0, 0.5]), CALLS[name]
    broadcast = {"X": np.broadcast_to(row, (N, D)), "Y": np.broadcast_to(2 * row, (M, D))}
    copied = {argument: array.copy() for argument, array in broadcast.items()}
    for actual, expected in zip(leaves(call(**broadcast)), leaves(call(**copied)), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("argument", ["cotangent", "X_tangent", "y", "sample_weight", "w"])
def test_zero_strides_of_companions(argument):
    name = next(name for name, each in every_argument() if each == argument)
    call = CALLS[name]
    flat = np.broadcast_to(np.float64(1.5), call.arrays[argument].shape)
    actual, expected = (leaves(call(**{argument: a})) for a in (flat, flat.copy()))
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", {**CALLS, **ALONE})
def test_inputs_are_never_modified(name, library):
    call, kept = calls.get(name), {}

    def convert(argument, array):
        kept[argument] = (library.array(array), array)
        return kept[argument][0]

    with mc.options(tile_bytes=64):
        call(convert)
    for moved, original in kept.values():
        np.testing.assert_array_equal(library.numpy(moved), original)


@pytest.mark.parametrize("name", {**CALLS, **ALONE})
def test_results_own_their_memory(name):
    call = calls.get(name)
    arrays = {argument: array.copy() for argument, array in call.arrays.items()}
    for leaf in leaves(call(**arrays)):
        assert not any(np.shares_memory(leaf, array) for array in arrays.values())


# ------------------------------------------------------------------------------ torch and jax only


def lazily_negated(torch, array):
    """Return a tensor of the same numbers, whose memory holds their negatives."""
    tensor = torch.tensor(array)
    if tensor.is_floating_point():
        tensor = torch.complex(torch.zeros_like(tensor), -tensor).conj().imag
    else:
        tensor = torch._neg_view(-tensor)
    assert tensor.is_neg()
    return tensor


def plain_numpy(found):
    """Return NumPy arrays of what a call returned."""
    return [np.asarray(part.resolve_neg()) for part in leaves(found)]


@pytest.mark.parametrize("name", {**CALLS, **ALONE})
def test_a_torch_tensor_with_its_negative_bit_set(name):
    torch = pytest.importorskip("torch")
    call = {**CALLS, **ALONE}[name]
    expected = plain_numpy(call(lambda _, array: torch.tensor(array)))
    found = plain_numpy(call(lambda _, array: lazily_negated(torch, array)))
    for ours, truth in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, truth, rtol=1e-12, atol=1e-12)


OF_WHOLE_NUMBERS = {
    "sqdist": lambda X, i, j: mc.sqdist(X, pairs=(i, j)),
    "vjp": lambda X, i, j: mc.vjp(X, pairs=(i, j), cotangent=X[:4, 0]).X,
    "target_neighbors": lambda X, i, j: mc.target_neighbors(X[:4], j, k=1),
    "NCA": lambda X, i, j: mc.value_and_grad(mc.losses.NCA(j), X[:4])[1].X,
    "Contrastive": lambda X, i, j: mc.value_and_grad(mc.losses.Contrastive(i, j, i % 2), X)[1].X,
    "Triplet": lambda X, i, j: mc.value_and_grad(mc.losses.Triplet(i, j, j), X)[1].X,
}


@pytest.mark.parametrize("name", OF_WHOLE_NUMBERS)
def test_torch_indices_and_labels_with_their_negative_bit_set(name):
    torch = pytest.importorskip("torch")
    call, X = OF_WHOLE_NUMBERS[name], torch.tensor(calls.DATA["X"])
    i, j = np.array([0, 3, 3, 1]), np.array([1, 2, 1, 2])
    expected = call(X, torch.tensor(i), torch.tensor(j))
    found = call(X, lazily_negated(torch, i), lazily_negated(torch, j))
    np.testing.assert_array_equal(*map(plain_numpy, (found, expected)))


def test_what_leaves_a_torch_backend_keeps_its_sign_through_dlpack():
    torch = pytest.importorskip("torch")
    values = lazily_negated(torch, calls.DATA["X"])
    plain = backend_of(values, "X").canonical(values)
    np.testing.assert_array_equal(np.from_dlpack(plain), calls.DATA["X"])


def torch_tensors_without_numbers():
    torch = pytest.importorskip("torch")
    mode = pytest.importorskip("torch._subclasses.fake_tensor").FakeTensorMode()
    X = torch.tensor(calls.DATA["X"])
    with mode:
        fake = torch.ones(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these are prototypes
        return {
            "sparse": (X.to_sparse(), "to_dense"),
            "CSR": (X.to_sparse_csr(), "to_dense"),
            "CSC": (X.to_sparse_csc(), "to_dense"),
            "nested": (torch.nested.nested_tensor([X, X[:2]]), "unbind"),
            "jagged": (torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged), "unbind"),
            "quantized": (torch.quantize_per_tensor(X.float(), 0.1, 0, torch.quint8), "dequantize"),
            "meta": (X.to("meta"), "meta tensor"),
            "fake": (fake, "plain torch.Tensor"),
        }


@pytest.mark.parametrize(
    "kind", ["sparse", "CSR", "CSC", "nested", "jagged", "quantized", "meta", "fake"]
)
@pytest.mark.parametrize(("name", "argument"), every_argument())
def test_a_torch_tensor_that_holds_no_plain_numbers(name, argument, kind):
    torch = pytest.importorskip("torch")
    bad, advice = torch_tensors_without_numbers()[kind]
    call = {**CALLS, **ALONE}[name]
    with pytest.raises(TypeError, match=f"{argument}.*{advice}"):
        call(lambda _, array: torch.tensor(array), **{argument: bad})


@pytest.mark.parametrize("argument", ["X", "Y", "A"])
def test_a_torch_tensor_that_is_half_precision(argument):
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.complex64):
        bad = torch.tensor(calls.DATA[argument]).to(dtype)
        with refuses(TypeError, argument):
            CALLS["sqdist"](lambda _, array: torch.tensor(array), **{argument: bad})
