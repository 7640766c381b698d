"""A backend that does an operation better registers its own; others do what it brings itself."""

from dataclasses import dataclass

import array_api_strict
import numpy as np
import pytest

import maha_core as mc
from maha_core.backend import Backend
from maha_core.engine import Engine
from maha_core.library import Library
from maha_core.metrics.euclidean import EuclideanForm
from maha_core.operation import Operation
from maha_core.options import Options
from maha_core.problem import Problem
from maha_core.sweeps.distances import Sqdist
from maha_core.tiles.kernels import TileKernels
from maha_numpy import NumpyBackend

MOST_METHODS = 25


@dataclass(frozen=True)
class Extent(Operation[tuple[int, int]]):
    """The shape of D."""

    def run(self, backend, problem):
        return problem.n, problem.m


class Wider(Backend):
    """It answers otherwise."""


class Narrower(Wider):
    """It answers as its base does, until it is told otherwise."""


@Wider.register(Extent)
def _of_wider(backend, problem, asked):
    return "wider", *asked.run(backend, problem)


@pytest.fixture
def problem():
    X = array_api_strict.asarray(np.arange(6.0).reshape(3, 2))
    form = EuclideanForm(array_api_strict)
    return Problem(X, None, None, form, Options(), n=3, m=3, d=2, width=2)


def test_an_operation_brings_its_own_algorithm(problem):
    assert Backend(array_api_strict).run(problem, Extent()) == (3, 3)


def test_what_is_registered_holds_for_subclasses(problem):
    assert Wider(array_api_strict).run(problem, Extent()) == ("wider", 3, 3)
    assert Narrower(array_api_strict).run(problem, Extent()) == ("wider", 3, 3)


def test_it_is_registered_at_any_time(problem):
    class Late(Wider):
        pass

    assert Late(array_api_strict).run(problem, Extent()) == ("wider", 3, 3)
    Late.register(Extent)(lambda backend, problem, asked: "late")
    assert Late(array_api_strict).run(problem, Extent()) == "late"
    assert Wider(array_api_strict).run(problem, Extent()) == ("wider", 3, 3)


def test_it_changes_nothing_for_other_operations(problem):
    D = Wider(array_api_strict).run(problem, Sqdist())
    delta = np.arange(6.0).reshape(3, 2)[:, None] - np.arange(6.0).reshape(3, 2)[None]
    np.testing.assert_allclose(np.asarray(D), (delta**2).sum(axis=2))


def test_warnings_are_silent_for_our_own_arithmetic_and_heard_for_a_users(problem):
    class Loud(Extent):
        quiet = False

    class Watched(Backend):
        asked: list[str]

        def quiet(self):
            self.asked.append("quiet")
            return super().quiet()

    for operation, expected in ((Extent(), ["quiet"]), (Loud(), [])):
        backend = Watched(array_api_strict)
        backend.asked = []
        backend.run(problem, operation)
        assert backend.asked == expected


@pytest.mark.parametrize("layer", [Library, TileKernels, Engine, Backend, NumpyBackend])
def test_no_layer_is_large(layer):
    for kind in layer.__mro__:
        own = [name for name, value in vars(kind).items() if callable(value)]
        assert len(own) <= MOST_METHODS, kind


def test_a_backend_is_ten_lines(problem):
    """A plugin says what its arrays are; all that is computed comes with it."""

    class Minimal(Backend):
        name = "minimal"

        def __init__(self):
            super().__init__(array_api_strict)

        def owns(self, value):
            return isinstance(value, type(problem.X))

        def devices(self):
            return ["here"]

    D = np.asarray(Minimal().run(problem, Sqdist()))
    np.testing.assert_array_equal(D, mc.sqdist(np.asarray(problem.X)))
