"""The public conformance suite, on the library's own backends."""

from contextlib import nullcontext

import array_api_compat.numpy as xp
import numpy as np
import pytest

import broken_backends as broken
import libraries
import maha_core as mc
import oracle as independent
from maha_core.guard import Inspection
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.jacobians import Jacobian, JacobianSlice
from maha_core.sweeps.kernel_gradients import KernelGradient
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.neighbors import Nearest
from maha_core.sweeps.objectives import Reduced, Value, ValueAndGrad
from maha_core.sweeps.pairs import PairPullback, PairPushforward, PairSqdist
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.roots import RootPullback
from maha_core.sweeps.tangents import Pushforward
from maha_core.sweeps.within import PointsWithin
from maha_core.testing import Conformance, loss_cases, oracle
from maha_core.testing.close_points import ClosePoints
from maha_core.testing.coincident_points import CoincidentPoints
from maha_core.testing.derivatives import Derivatives
from maha_core.testing.distances import Distances
from maha_core.testing.inputs import Inputs
from maha_core.testing.kernel_functions import KERNELS, KernelFunctions
from maha_core.testing.listed_pairs import ListedPairs
from maha_core.testing.losses import Losses
from maha_core.testing.metric_methods import MetricMethods
from maha_core.testing.neighbors import Neighbors
from maha_core.testing.outputs import Outputs
from maha_core.testing.reduction_cases import REDUCTIONS, reduction_case
from maha_core.testing.reductions import Reductions
from maha_core.testing.refusals import Refusals
from maha_core.tiles.cotangents import DirectPart

# Bad numbers, which JAX's debug_nans is right to stop at: NaN, and a Cholesky factor that is none.
for unfit in (
    Conformance.test_numbers_that_are_not_finite,
    Conformance.test_values_that_do_not_fit,
    Conformance.test_metrics_that_are_not_finite,
    Conformance.test_what_is_not_finite_between_coincident_points_counts_as_0,
    Conformance.test_losses_with_infinite_derivatives,
    Conformance.test_a_covariance_without_an_inverse,
    Conformance.test_points_without_a_covariance,
):
    pytest.mark.may_warn(unfit)


class TestNumPy(Conformance):
    def array(self, values):
        return np.array(values)

    def to_numpy(self, array):
        return array


class TestGeneric(TestNumPy):
    def context(self):
        return mc.use_backend("generic")


class TestEveryLibrary(Conformance):
    @pytest.fixture(autouse=True)
    def _library(self, library):
        self.library = library
        self.out, self.lazy = library.writable, library.lazy

    def array(self, values):
        return self.library.array(values)

    def listed(self, values):
        return values if self.lazy else self.array(values)

    def to_numpy(self, array):
        return self.library.numpy(array)


@pytest.mark.cases(4)
@pytest.mark.parametrize("library", ["torch"], indirect=True)
class TestTorchByTheGenericPath(TestEveryLibrary):
    """Its own plugin lends its tensors to NumPy; what lives elsewhere goes this way.

    array-api-strict has more cases of the same code.
    """

    def context(self):
        return mc.use_backend("generic")


def test_a_wrong_backend_does_not_conform():
    """The suite is worth something: a D that is off by 1e-6 fails it."""

    class Wrong(TestNumPy):
        def to_numpy(self, array):
            return array + np.asarray(1e-6, dtype=array.dtype)

    with pytest.raises(AssertionError):
        Wrong().test_sqdist("factor", False, "float64")
    with pytest.raises(AssertionError):
        Wrong().test_vjp("factor", True, "float64")


def test_an_author_who_defines_nothing_is_told_what_to_define():
    with pytest.raises(NotImplementedError, match="define array"):
        Conformance().test_sqdist("factor", False, "float64")


def test_every_library_is_known():
    assert set(map(libraries.family, libraries.NAMES)) == set(libraries.FAMILIES)


# --------------------------------------------------------------------- what is broken is found out

OPERATIONS = (
    (Sqdist, Distances, (None,)),
    (Root, Distances, (None,)),
    (KernelMatrix, KernelFunctions, (None,)),
    (KernelGradient, KernelFunctions, (None,)),
    (Nearest, Neighbors, ("sqdist", "index")),
    (PointsWithin, Neighbors, ("index", "sqdist")),
    (Jacobian, Derivatives, (None,)),
    (JacobianSlice, Derivatives, (None,)),
    (Pushforward, Derivatives, (None,)),
    (Pullback, Derivatives, ("metric", "X", "Y")),
    (RootPullback, Derivatives, ("metric", "X", "Y")),
    (PairSqdist, ListedPairs, (None,)),
    (PairPushforward, ListedPairs, (None,)),
    (PairPullback, ListedPairs, ("metric", "X", "Y")),
    (Value, Losses, (None,)),
    (ValueAndGrad, Losses, ("value", "metric", "X", "Y")),
    (ValueAndGrad, Reductions, ("metric", "X", "Y", "values")),
    (HessianProduct, Losses, ("metric", "X", "Y")),
    (Reduced, Reductions, (None,)),
)
"""Every operation, the topic that is about it, and the parts of its result."""

WITH_A_METRIC = (Jacobian, JacobianSlice)
WITH_Y = (KernelGradient,)


def spoilt_results():
    for operation, topic, parts in OPERATIONS:
        for part in parts:
            for alone in (True, False):
                if not (alone and (part == "Y" or operation in WITH_Y)):
                    name = f"{operation.__name__}-{part}-{'alone' if alone else 'with_Y'}"
                    yield pytest.param(operation, topic, part, alone, id=f"{name}-{topic.__name__}")


METHODS = {
    "owns": (Distances, lambda original, value: False),
    "accepts": (Distances, lambda original, value, like: False),
    "refuse": (Distances, broken.refused),
    "canonical": (Distances, lambda original, value: original(value) * 0),
    "kind": (ListedPairs, lambda original, dtype: "real"),
    "widest_float": (Inputs, lambda original, device: np.dtype("float32")),
    "cast": (Inputs, broken.first_argument),
    "writable": (Outputs, lambda original, value: False),
    "check_options": (Distances, broken.refused),
    "overlap": (Outputs, lambda original, a, b: False),
    "expect": (Refusals, broken.nothing),
    "is_finite": (Refusals, lambda original, values: True),
    "total": (Losses, broken.off),
    "scatter_add": (ListedPairs, broken.last_of_duplicates),
    "quiet": (Losses, lambda original: nullcontext()),
    "map_ordered": (Reductions, lambda original, f, items, options: reversed(list(map(f, items)))),
    "centre": (Derivatives, lambda original, X: 0 * X[:1, :]),
    "operands": (Distances, lambda original, U, V: original(U, V)._replace(right=V)),
    "product_dtype": (Distances, lambda original, problem: np.dtype("float16")),
    "distance_tile": (Distances, broken.off_distances),
    "guarded": (Distances, broken.off_distances),
    "cancelled": (ClosePoints, lambda original, *given: Inspection(None)),
    "place": (ClosePoints, lambda original, D, flagged, values: D),
    "minima_after_placing": (Losses, lambda original, D, flagged, smallest: 0 * D[:, :1] - 1),
    "coincident": (CoincidentPoints, broken.nothing),
    "kth_smallest": (Neighbors, lambda original, D, k: original(D, max(k - 1, 1))),
    "entries": (ClosePoints, broken.off),
    "without_entries": (ClosePoints, lambda original, G, flagged, **own: G),
    "direct_part": (ClosePoints, lambda original, *given: DirectPart()),
    "row_products": (Derivatives, broken.off),
    "replace_diagonal": (Losses, broken.first_argument),
    "fill_diagonal": (Losses, broken.first_argument),
    "exp": (Losses, broken.off),
    "difference": (Losses, broken.off),
    "form": (
        Distances,
        broken.twice,
    ),
    "derived": (MetricMethods, lambda original, metric, f: f(type(metric)(2 * metric.parameter))),
    "embed": (MetricMethods, broken.off),
    "covariance": (MetricMethods, broken.off),
    "covariance_of": (MetricMethods, broken.off),
    "mean": (Losses, lambda original, values, argument, options: 0 * values[0]),
    "entrywise": (KernelFunctions, broken.off),
}
"""Methods of a backend, the topic that finds them out, and what they do instead."""

DECOMPOSITIONS = {
    "eigh": broken.off_vectors,
    "cholesky": broken.off,
    "solve": broken.off,
}


@pytest.mark.may_warn
@pytest.mark.parametrize(("operation", "topic", "part", "alone"), list(spoilt_results()))
def test_a_wrong_result_of_an_operation_is_found_out(operation, topic, part, alone):
    backend = broken.spoiling(operation, part, alone)
    assert broken.first_failure(backend, topic)


@pytest.mark.may_warn
@pytest.mark.parametrize("name", METHODS)
def test_a_broken_method_is_found_out(name):
    topic, instead = METHODS[name]
    assert broken.first_failure(broken.backend(**{name: instead}), topic)


@pytest.mark.may_warn
@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_broken_linear_algebra_is_found_out(name, monkeypatch):
    original, instead = getattr(xp.linalg, name), DECOMPOSITIONS[name]
    monkeypatch.setattr(xp.linalg, name, lambda *given: instead(original, *given))
    assert broken.first_failure(broken.backend(), MetricMethods)


@pytest.mark.may_warn
def test_a_sound_backend_passes_and_is_asked_for_everything():
    backend, asked = broken.watched()
    assert broken.first_failure(backend) is None
    for operation, _, _ in OPERATIONS:
        for form in oracle.FORMS:
            if form != "euclidean" or operation not in WITH_A_METRIC:
                assert (operation, form, False) in asked
                assert (operation, form, True) in asked or operation in WITH_Y


# ------------------------------------------------------------------------- what it is compared with


def test_every_loss_reduction_and_kernel_is_there():
    problem = broken.problem("factor", False)
    losses = {type(loss_cases.loss_case(name, problem).loss) for name in loss_cases.LOSSES}
    public = {getattr(mc.losses, name) for name in mc.losses.__all__}
    no_losses = {mc.losses.Loss, mc.losses.PointData, mc.losses.Batch, mc.losses.BatchSampler}
    assert public - no_losses <= losses
    reductions = {type(reduction_case(name, problem, True).reduction) for name in REDUCTIONS}
    public = {getattr(mc.reductions, name) for name in mc.reductions.__all__}
    of_losses = {mc.reductions.ListedSum, mc.reductions.Reduction, mc.reductions.PointData}
    assert public - of_losses <= reductions
    assert {type(kernel) for kernel, _ in KERNELS.values()} == {
        getattr(mc.kernels, name) for name in mc.kernels.__all__
    }


@pytest.mark.parametrize("form", oracle.FORMS)
def test_its_brute_force_is_that_of_complex_steps(form):
    """The suite's closed forms, against the derivatives of another oracle."""
    problem = broken.problem(form, True)
    G = problem.draw(*problem.shape)
    X, Y, M = problem.data["X"], problem.data["Y"], problem.data.get("metric")
    theirs = independent.pullback(G, X, Y, form, M)
    for name, ours in problem.pulled(G).items():
        np.testing.assert_allclose(ours.astype(float), theirs[name].astype(float), rtol=1e-12)
    drawn, _ = problem.tangents(problem.wrt)
    dX, dY, dM = (drawn.get(name) for name in ("X", "Y", "metric"))
    expected = independent.jvp(X, Y, form, M, metric=dM, dX=dX, dY=dY).astype(float)
    np.testing.assert_allclose(problem.pushed(drawn).astype(float), expected, rtol=1e-9, atol=1e-12)
