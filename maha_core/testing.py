"""The conformance suite: what a backend must do, for the author of a plugin to run with pytest.

A test file of a plugin is five lines:

    import maha_core.testing

    class TestMine(maha_core.testing.Conformance):
        def array(self, values):
            return mylibrary.asarray(values)

        def to_numpy(self, array):
            return mylibrary.to_numpy(array)

pytest must be installed. Expected values come from brute force in extended precision, never from
a backend.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar

import array_api_compat
import numpy as np
import pytest

import maha_core as mc

__all__ = ["Conformance"]

Array = Any
Values = np.ndarray[Any, Any]

METRICS = ("euclidean", "full", "factor", "diagonal", "covariance")
PARAMETRIC = METRICS[1:]
TANGENTS = {"metric": "metric_tangent", "X": "X_tangent", "Y": "Y_tangent"}
SMALL_TILE_BYTES = 512
N, M, D, K = 19, 17, 3, 2

_metric = pytest.mark.parametrize("metric", METRICS)
_parametric = pytest.mark.parametrize("metric", PARAMETRIC)
_with_y = pytest.mark.parametrize("with_Y", [False, True], ids=["alone", "with_Y"])


class Conformance:
    """The tests of one backend; subclass it under a name that starts with Test.

    Define `array` and `to_numpy`. Everything else is inherited; override the attributes where a
    library lacks something, and `context` where the calls need one.

    Attributes
    ----------
    dtypes : tuple of str
        The floating dtypes that the library has, of float64 and float32.
    out : bool
        Whether ``out=`` is supported; None: as the library's arrays can be written or not.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.testing import Conformance
    >>> class TestNumPy(Conformance):
    ...     def array(self, values):
    ...         return np.array(values)
    ...
    ...     def to_numpy(self, array):
    ...         return array
    >>> TestNumPy().test_a_scatter_adds_up_duplicates(with_Y=True, dtype="float64")
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float64", "float32")
    out: ClassVar[bool | None] = None

    # --- what the author defines -------------------------------------------------------------

    def array(self, values: Values) -> Array:
        """Return NumPy data as an array of the library under test, of the same dtype."""
        raise NotImplementedError("define array(self, values): NumPy data to the library's array")

    def to_numpy(self, array: Array) -> Values:
        """Return an array of the library as NumPy data, computing it where it is lazy."""
        raise NotImplementedError("define to_numpy(self, array): the library's array to NumPy")

    def context(self) -> AbstractContextManager[object]:
        """Return the context in which the library is called, such as ``mc.use_backend(name)``."""
        return nullcontext()

    @pytest.fixture(autouse=True)
    def _inside_the_context(self) -> Any:
        with self.context():
            yield

    @pytest.fixture(params=["float64", "float32"])
    def dtype(self, request: pytest.FixtureRequest) -> str:
        """Every floating dtype of the library."""
        if request.param not in self.dtypes:
            pytest.skip(f"{request.param} is not in {type(self).__name__}.dtypes")
        return str(request.param)

    # --- distances ---------------------------------------------------------------------------

    @_with_y
    @_metric
    def test_sqdist(self, metric: str, with_Y: bool, dtype: str) -> None:
        """D is brute force's, in one tile and in many."""
        case = _Case(self, metric, with_Y, dtype)
        for options in _tilings():
            with options:
                case.assert_close(mc.sqdist(*case.points, metric=case.metric), case.exact_D)

    @_with_y
    @pytest.mark.parametrize("metric", ["euclidean", "factor", "covariance"])
    def test_dist(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The distance is the square root of D."""
        case = _Case(self, metric, with_Y, dtype)
        actual = mc.dist(*case.points, metric=case.metric)
        case.assert_close(actual, np.sqrt(np.maximum(case.exact_D, 0)))

    def test_a_point_is_at_distance_zero_from_itself(self, dtype: str) -> None:
        """Without Y, D is symmetric to the bit, its diagonal 0, and nothing is negative."""
        case = _Case(self, "factor", False, dtype)
        for options in _tilings():
            with options:
                values = self.to_numpy(mc.sqdist(*case.points, metric=case.metric))
            np.testing.assert_array_equal(np.diag(values), 0)
            np.testing.assert_array_equal(values, values.T)
            assert values.min() >= 0

    def test_near_points_far_from_the_origin(self, dtype: str) -> None:
        """Where the matrix product would cancel, entries keep their own relative error."""
        eps = float(np.finfo(dtype).eps)
        rng = np.random.default_rng(0)
        near = rng.standard_normal((N, D)) * 4096 * eps
        X = np.concatenate([rng.standard_normal((N, D)), near]).astype(dtype) + np.asarray(8, dtype)
        expected = _square(X, X, np.eye(D))
        actual = self.to_numpy(mc.sqdist(self.array(X)))
        assert np.all(np.abs(actual - expected) <= 100 * eps * expected)

    @_with_y
    def test_pairs(self, with_Y: bool, dtype: str) -> None:
        """Listed pairs are entries of D."""
        case = _Case(self, "factor", with_Y, dtype)
        i, j = case.pairs()
        actual = mc.sqdist(*case.points, metric=case.metric, pairs=case.arrays(i, j))
        case.assert_close(actual, case.exact_D[i, j])

    @_with_y
    def test_nearest(self, with_Y: bool, dtype: str) -> None:
        """Neighbours are brute force's, in ascending order; a point is not its own."""
        case = _Case(self, "factor", with_Y, dtype)
        expected = np.array(case.exact_D)
        if not with_Y:
            np.fill_diagonal(expected, np.inf)
        order = np.argsort(expected, axis=1, kind="stable")[:, :4]
        for options in _tilings():
            with options:
                found = mc.nearest(*case.points, k=4, metric=case.metric)
            np.testing.assert_array_equal(self.to_numpy(found.index), order)
            case.assert_close(found.sqdist, np.take_along_axis(expected, order, axis=1))

    def test_nearest_leaves_a_point_out_by_its_index(self, dtype: str) -> None:
        """Duplicates are neighbours; ties go to the lower index."""
        X = self.array(np.zeros((4, 2), dtype=dtype))
        found = mc.nearest(X, k=3)
        expected = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
        np.testing.assert_array_equal(self.to_numpy(found.index), expected)

    # --- derivatives -------------------------------------------------------------------------

    @_with_y
    @_parametric
    def test_jacobian(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The whole tensor and one slice of it."""
        case = _Case(self, metric, with_Y, dtype)
        expected = case.exact_jacobian
        case.assert_close(mc.jacobian(*case.points, metric=case.metric), expected)
        index = 1 if metric == "diagonal" else (1, 2)
        one = mc.jacobian_slice(*case.points, metric=case.metric, index=index)
        case.assert_close(one, expected[(..., *np.atleast_1d(index))])

    @_with_y
    @_metric
    def test_vjp(self, metric: str, with_Y: bool, dtype: str) -> None:
        """The pullback of a cotangent, for the metric and the points."""
        case = _Case(self, metric, with_Y, dtype)
        G = case.draw(*case.shape)
        for options in _tilings():
            with options:
                gradient = mc.vjp(
                    *case.points, metric=case.metric, cotangent=self.array(G), wrt=case.wrt
                )
            case.assert_gradient(gradient, G)

    @_with_y
    @_metric
    def test_jvp_and_vjp_are_adjoint(self, metric: str, with_Y: bool, dtype: str) -> None:
        """<G, J v> = <J^T G, v> for every argument."""
        case = _Case(self, metric, with_Y, dtype)
        G = case.draw(*case.shape)
        for name in case.wrt:
            v = case.draw(*case.data[name].shape)
            pushed = mc.jvp(*case.points, metric=case.metric, **{TANGENTS[name]: self.array(v)})
            pulled = mc.vjp(*case.points, metric=case.metric, cotangent=self.array(G), wrt=name)
            Jv = self.to_numpy(pushed).astype(np.float64)
            gradient = self.to_numpy(getattr(pulled, name)).astype(np.float64)
            size = np.linalg.norm(G) * np.linalg.norm(Jv)
            assert abs((G * Jv).sum() - (gradient * v).sum()) <= 4096 * case.eps * size, name

    @pytest.mark.parametrize("name", ["metric", "X", "Y"])
    def test_jvp_is_a_difference_quotient(self, name: str) -> None:
        """The pushforward of D, which is quadratic in A, X and Y, to the last digits."""
        case = _Case(self, "factor", True, self.dtypes[0])
        v = case.draw(*case.data[name].shape)
        actual = mc.jvp(*case.points, metric=case.metric, **{TANGENTS[name]: self.array(v)})
        case.assert_close(actual, case.moved(name, v) - case.moved(name, -v), halved=True)

    @_with_y
    def test_a_scatter_adds_up_duplicates(self, with_Y: bool, dtype: str) -> None:
        """Pairs may repeat an index: the gradients of a point add up."""
        case = _Case(self, "factor", with_Y, dtype)
        i, j = case.pairs(200)
        g = case.draw(200)
        gradient = mc.vjp(
            *case.points,
            metric=case.metric,
            cotangent=self.array(g),
            pairs=case.arrays(i, j),
            wrt=case.wrt,
        )
        G = np.zeros(case.shape)
        np.add.at(G, (i, j), g)
        case.assert_gradient(gradient, G, float(np.abs(g).sum()))

    def test_the_diagonal_of_a_cotangent_is_ignored(self, dtype: str) -> None:
        """Without Y there are no self-pairs."""
        case = _Case(self, "factor", False, dtype)
        G = case.draw(N, N)
        spoilt = G + 1e6 * np.eye(N, dtype=dtype)
        gradient = mc.vjp(
            *case.points, metric=case.metric, cotangent=self.array(spoilt), wrt=case.wrt
        )
        case.assert_gradient(gradient, G)

    # --- streamed objectives -----------------------------------------------------------------

    @_with_y
    def test_value_and_grad_of_mlkr(self, with_Y: bool, dtype: str) -> None:
        """A row-wise loss, with weights."""
        case = _Case(self, "factor", with_Y, dtype)
        y, weight = case.draw(N), np.abs(case.draw(N))
        y_Y = case.draw(M) if with_Y else y
        loss = mc.losses.MLKR(
            self.array(y),
            self.array(y_Y) if with_Y else None,
            sample_weight=self.array(weight),
        )
        value, cotangent = _mlkr(case.exact_D, y, y_Y, weight, with_Y)
        case.assert_objective(loss, value, cotangent)

    @pytest.mark.parametrize("symmetric", [False, True])
    @_with_y
    def test_value_and_grad_of_pairwise(self, with_Y: bool, symmetric: bool, dtype: str) -> None:
        """An elementwise loss with data; what it returns on a self-pair has no effect."""
        case = _Case(self, "factor", with_Y, dtype)
        a = case.draw(N)
        b = case.draw(M) if with_Y else a
        loss = mc.losses.Pairwise(
            _reciprocal,
            data=self.array(a),
            data_Y=self.array(b) if with_Y else None,
            symmetric=symmetric,
        )
        exact = case.exact_D if with_Y else case.exact_D + np.eye(N)
        values, cotangent = _reciprocal(exact, a[:, None], b[None, :])
        counted = np.ones(case.shape) if with_Y else 1 - np.eye(N)
        case.assert_objective(loss, (counted * values).sum(), counted * cotangent, factor=1e4)

    def test_the_value_is_a_0_d_array(self, dtype: str) -> None:
        """Values have no axes, and nothing that was not asked for is computed."""
        case = _Case(self, "factor", False, dtype)
        value, gradient = mc.value_and_grad(
            mc.losses.MLKR(self.array(case.draw(N))), *case.points, metric=case.metric
        )
        assert value.shape == ()
        assert gradient.X is None
        assert gradient.Y is None

    # --- arrays in, arrays out ---------------------------------------------------------------

    @_with_y
    def test_results_are_the_librarys_own_on_the_same_device(
        self, with_Y: bool, dtype: str
    ) -> None:
        """No result changes library, device or dtype."""
        case = _Case(self, "factor", with_Y, dtype)
        X = case.points[0]
        for name, result in case.every_result():
            assert array_api_compat.array_namespace(result) is array_api_compat.array_namespace(X)
            assert array_api_compat.device(result) == array_api_compat.device(X), name
            if name != "nearest, index":
                assert result.dtype == X.dtype, name

    @_with_y
    def test_inputs_are_never_modified(self, with_Y: bool, dtype: str) -> None:
        """Points, parameters and companions are afterwards what they were."""
        case = _Case(self, "factor", with_Y, dtype)
        for _, result in case.every_result():
            self.to_numpy(result)
        for name, given in case.given.items():
            np.testing.assert_array_equal(self.to_numpy(given), case.data[name], err_msg=name)

    def test_whole_numbers_become_the_widest_float(self) -> None:
        """Integer points are taken as the widest float that the device has."""
        X = np.arange(12, dtype=np.int32).reshape(6, 2)
        result = self.to_numpy(mc.sqdist(self.array(X)))
        assert result.dtype == self.dtypes[0]
        np.testing.assert_array_equal(result, _square(X, X, np.eye(2)))

    def test_out_is_filled(self, dtype: str) -> None:
        """A given array is written and returned, where arrays can be written."""
        case = _Case(self, "factor", True, dtype)
        out = self.array(np.zeros(case.shape, dtype=dtype))
        writable = array_api_compat.is_writeable_array(out) if self.out is None else self.out
        if not writable:
            with pytest.raises((TypeError, ValueError), match="out"):
                mc.sqdist(*case.points, metric=case.metric, out=out)
            return
        assert mc.sqdist(*case.points, metric=case.metric, out=out) is out
        case.assert_close(out, case.exact_D)

    @pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, None)])
    def test_nobody_there(self, n: int, m: int | None, dtype: str) -> None:
        """No points give an empty D and zero gradients."""
        X = self.array(np.zeros((n, D), dtype=dtype))
        Y = None if m is None else self.array(np.zeros((m, D), dtype=dtype))
        shape = (n, n if m is None else m)
        metric = mc.Factor(self.array(np.ones((K, D), dtype=dtype)))
        assert self.to_numpy(mc.sqdist(X, Y, metric=metric)).shape == shape
        G = self.array(np.zeros(shape, dtype=dtype))
        gradient = mc.vjp(X, Y, metric=metric, cotangent=G)
        np.testing.assert_array_equal(self.to_numpy(gradient.metric), np.zeros((K, D)))

    # --- errors ------------------------------------------------------------------------------

    def test_shapes_that_do_not_fit(self, dtype: str) -> None:
        """A wrong shape is a ValueError that names the argument."""
        case = _Case(self, "factor", True, dtype)
        X, Y = case.points
        flat = self.array(np.zeros(3, dtype=dtype))
        wide = self.array(np.zeros((3, D + 1), dtype=dtype))
        for argument, call in {
            "X": partial(mc.sqdist, flat),
            "Y": partial(mc.sqdist, X, wide),
            "metric": partial(mc.sqdist, wide, metric=case.metric),
            "cotangent": partial(mc.vjp, X, Y, cotangent=flat),
            "X_tangent": partial(mc.jvp, X, Y, X_tangent=wide),
            "y": partial(mc.value_and_grad, mc.losses.MLKR(flat), X),
        }.items():
            with pytest.raises(ValueError, match=rf"\b{argument}\b"):
                call()

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, bad: float, dtype: str) -> None:
        """NaN and infinity are ValueErrors that name the argument, at the latest when computed."""
        case = _Case(self, "factor", True, dtype)
        X, Y = case.points
        spoilt = case.data["X"].copy()
        spoilt[-1, -1] = bad
        moved = self.array(spoilt)
        for argument, call in {
            "X": partial(mc.sqdist, moved, Y),
            "Y": partial(mc.sqdist, X, moved),
            "X_tangent": partial(mc.jvp, X, Y, X_tangent=moved),
        }.items():
            with pytest.raises(ValueError, match=rf"\b{argument}\b"):
                self.to_numpy(call())

    def test_what_is_no_array_of_the_library(self, dtype: str) -> None:
        """Lists, and arrays of different libraries together, are TypeErrors."""
        case = _Case(self, "factor", True, dtype)
        X, _ = case.points
        with pytest.raises(TypeError, match=r"\bX\b"):
            mc.sqdist([[0.0, 1.0]])
        with pytest.raises(TypeError, match=r"\bY\b"):
            mc.sqdist(X, [[0.0, 1.0, 2.0]])

    def test_two_floating_dtypes(self) -> None:
        """float32 beside float64 is a TypeError that names both."""
        if len(self.dtypes) < 2:
            pytest.skip("the library has one floating dtype")
        X = self.array(np.zeros((3, 2), dtype=self.dtypes[0]))
        Y = self.array(np.zeros((3, 2), dtype=self.dtypes[1]))
        with pytest.raises(TypeError, match="float32"):
            mc.sqdist(X, Y)

    def test_indices_out_of_range(self, dtype: str) -> None:
        """A pair or a slice that is not there, or too many neighbours, is a ValueError."""
        case = _Case(self, "factor", True, dtype)
        for i, j in (([0, N], [0, 0]), ([0, 0], [0, M]), ([0, -1], [0, 0])):
            with pytest.raises(ValueError, match="pairs"):
                self.to_numpy(
                    mc.sqdist(*case.points, pairs=case.arrays(np.asarray(i), np.asarray(j)))
                )
        with pytest.raises(ValueError, match=r"\bk\b"):
            mc.nearest(*case.points, k=M + 1)
        with pytest.raises(ValueError, match="index"):
            mc.jacobian_slice(*case.points, metric=case.metric, index=(K, 0))

    def test_a_covariance_without_an_inverse(self, dtype: str) -> None:
        """A singular S is a ValueError that names the ridge."""
        X = self.array(np.zeros((3, 2), dtype=dtype))
        S = self.array(np.ones((2, 2), dtype=dtype))
        with pytest.raises(ValueError, match="ridge"):
            self.to_numpy(mc.sqdist(X, metric=mc.Covariance(S)))

    def test_a_negative_distance(self, dtype: str) -> None:
        """The root of a negative D is a ValueError, not NaN."""
        X = self.array(np.eye(2, dtype=dtype))
        metric = mc.Diagonal(self.array(np.asarray([1, -2], dtype=dtype)))
        with pytest.raises(ValueError, match="metric"):
            self.to_numpy(mc.dist(X, metric=metric))


class _Case:
    """A random problem: NumPy data, the library's arrays, and brute force in longdouble."""

    def __init__(self, suite: Conformance, metric: str, with_Y: bool, dtype: str) -> None:
        self.suite, self.form = suite, metric
        self.rng = np.random.default_rng(0)
        self.dtype, self.eps = dtype, float(np.finfo(dtype).eps)
        self.data = {"X": self.draw(N, D)}
        if with_Y:
            self.data["Y"] = self.draw(M, D)
        if metric != "euclidean":
            self.data["metric"] = _parameter(metric, self.rng).astype(dtype)
        self.given = {name: suite.array(values) for name, values in self.data.items()}
        self.points = (self.given["X"], self.given.get("Y"))
        self.metric = _object(metric, self.given.get("metric"))
        self.wrt = tuple(self.data)
        self.matrix = _matrix(metric, self.data.get("metric"))

    @property
    def shape(self) -> tuple[int, int]:
        return N, len(self.others)

    @property
    def others(self) -> Values:
        return self.data.get("Y", self.data["X"])

    @property
    def differences(self) -> Values:
        return np.subtract(self.data["X"][:, None], self.others[None], dtype=np.longdouble)

    @property
    def exact_D(self) -> Values:
        return _square(self.data["X"], self.others, self.matrix)

    @property
    def exact_jacobian(self) -> Values:
        delta = self.differences
        if self.form == "diagonal":
            return delta**2
        if self.form == "full":
            return delta[..., :, None] * delta[..., None, :]
        if self.form == "factor":
            mapped = delta @ self.data["metric"].T
            return 2 * mapped[..., :, None] * delta[..., None, :]
        solved = delta @ self.matrix
        return np.asarray(-solved[..., :, None] * solved[..., None, :])

    def draw(self, *shape: int) -> Values:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def pairs(self, count: int = 30) -> tuple[Values, Values]:
        return self.rng.integers(0, N, count), self.rng.integers(0, len(self.others), count)

    def arrays(self, *values: Values) -> tuple[Array, ...]:
        return tuple(self.suite.array(value) for value in values)

    def moved(self, name: str, step: Values) -> Values:
        now = {key: values.astype(np.longdouble) for key, values in self.data.items()}
        now[name] = now[name] + step
        return _square(now["X"], now.get("Y", now["X"]), _matrix(self.form, now.get("metric")))

    def every_result(self) -> list[tuple[str, Array]]:
        """Return a result of every public function, by name."""
        points, metric = self.points, self.metric
        G = self.suite.array(self.draw(*self.shape))
        found = mc.nearest(*points, k=2, metric=metric)
        gradient = mc.vjp(*points, metric=metric, cotangent=G, wrt=self.wrt)
        loss = mc.losses.Pairwise(lambda squared: (squared**2, 2 * squared))
        value, slope = mc.value_and_grad(loss, *points, metric=metric, wrt=self.wrt)
        listed = self.arrays(*self.pairs())
        return [
            ("sqdist", mc.sqdist(*points, metric=metric)),
            ("sqdist, pairs", mc.sqdist(*points, metric=metric, pairs=listed)),
            ("dist", mc.dist(*points, metric=metric)),
            ("nearest, sqdist", found.sqdist),
            ("nearest, index", found.index),
            ("jacobian", mc.jacobian(*points, metric=metric)),
            ("jacobian_slice", mc.jacobian_slice(*points, metric=metric, index=(0, 1))),
            ("jvp", mc.jvp(*points, metric=metric, X_tangent=points[0])),
            *((f"vjp, {name}", getattr(gradient, name)) for name in self.wrt),
            ("value_and_grad, value", value),
            *((f"value_and_grad, {name}", getattr(slope, name)) for name in self.wrt),
        ]

    def assert_close(
        self, actual: Array, expected: Values, *, factor: float = 512, halved: bool = False
    ) -> None:
        """Assert an error of a few roundings of the largest entry."""
        values = self.suite.to_numpy(actual)
        expected = expected / 2 if halved else expected
        assert values.shape == expected.shape
        assert values.dtype == self.dtype
        bound = factor * self.eps * np.abs(expected).max(initial=1)
        np.testing.assert_allclose(values, expected.astype(np.float64), rtol=0, atol=float(bound))

    def assert_gradient(
        self, gradient: Any, G: Values, weight: float | None = None, factor: float = 64
    ) -> None:
        """Compare with the contraction of G and the brute-force Jacobians."""
        slope = 2 * self.differences @ self.matrix
        expected = {"X": np.einsum("ij,ijk->ik", G, slope)}
        columns = -np.einsum("ij,ijk->jk", G, slope)
        if "Y" in self.data:
            expected["Y"] = columns
        else:
            expected["X"] = expected["X"] + columns
        if self.metric is not None:
            expected["metric"] = np.tensordot(G, self.exact_jacobian, axes=2)
        total = float(np.abs(G).sum()) if weight is None else weight
        for name in ("metric", "X", "Y"):
            actual = getattr(gradient, name)
            if name not in self.wrt:
                assert actual is None, name
                continue
            steepest = self.exact_jacobian if name == "metric" else slope
            bound = factor * self.eps * total * float(np.abs(steepest).max())
            values = self.suite.to_numpy(actual)
            assert values.dtype == self.dtype
            np.testing.assert_allclose(
                values, expected[name].astype(np.float64), rtol=0, atol=bound, err_msg=name
            )

    def assert_objective(
        self, loss: Any, value: Any, cotangent: Values, factor: float = 1e3
    ) -> None:
        """Run a loss in one tile and in many, and compare value and gradient."""
        for options in _tilings():
            with options:
                actual, gradient = mc.value_and_grad(
                    loss, *self.points, metric=self.metric, wrt=self.wrt
                )
            error = abs(self.suite.to_numpy(actual) - value)
            assert error <= factor * self.eps * max(abs(value), 1)
            self.assert_gradient(gradient, cotangent, factor=factor)


def _tilings() -> tuple[AbstractContextManager[object], ...]:
    return mc.options(), mc.options(tile_bytes=SMALL_TILE_BYTES)


def _parameter(form: str, rng: np.random.Generator) -> Values:
    square = rng.standard_normal((D, D))
    parameters: dict[str, Values] = {
        "full": square,
        "factor": square[:K],
        "diagonal": square[0],
        "covariance": square @ square.T + np.eye(D),
    }
    return parameters[form]


def _object(form: str, parameter: Array) -> Any:
    classes: dict[str, Callable[[Array], Any]] = {
        "full": mc.Full,
        "factor": mc.Factor,
        "diagonal": mc.Diagonal,
        "covariance": mc.Covariance,
    }
    return None if form == "euclidean" else classes[form](parameter)


def _matrix(form: str, parameter: Values | None) -> Values:
    if parameter is None:
        return np.eye(D, dtype=np.longdouble)
    exact = parameter.astype(np.longdouble)
    if form == "full":
        return (exact + exact.T) / 2
    if form == "factor":
        return exact.T @ exact
    if form == "diagonal":
        return np.diag(exact)
    approximate = np.linalg.inv(exact.astype(np.float64)).astype(np.longdouble)
    refined = approximate @ (2 * np.eye(D) - exact @ approximate)  # one step of Newton's iteration
    return (refined + refined.T) / 2


def _square(X: Values, Y: Values, matrix: Values) -> Values:
    delta = np.subtract(X[:, None], Y[None], dtype=np.longdouble)
    return np.asarray(((delta @ matrix) * delta).sum(axis=2))


def _mlkr(
    squared: Values, y: Values, y_Y: Values, weight: Values, self_pairs: bool
) -> tuple[Any, Values]:
    p = np.exp(-squared) * (1 if self_pairs else 1 - np.eye(N))
    p = p / p.sum(axis=1, keepdims=True)
    predicted = p @ y_Y
    outer = 2 * weight * (y - predicted)
    cotangent = outer[:, None] * p * (y_Y[None, :] - predicted[:, None])
    return (weight * (predicted - y) ** 2).sum(), cotangent


def _reciprocal(squared: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """A symmetric loss that is infinite on a self-pair."""
    return a * b / squared, -a * b / squared**2
