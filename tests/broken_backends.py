"""Backends of which one thing is broken, and whether the conformance suite notices.

The suite's tests are called here one after the other, without pytest, until one fails.
"""

import inspect
import warnings
from contextlib import contextmanager
from itertools import product

import array_api_compat
import array_api_compat.numpy as xp
import numpy as np
import pytest

from maha_core import dispatch
from maha_core.backend import Backend
from maha_core.testing import Conformance
from maha_core.testing.problem import Problem


class OnNumPy:
    """How NumPy arrays get into a suite and out."""

    def array(self, values):
        return np.array(values)

    def to_numpy(self, array):
        return array


def of_topic(topic):
    """Return the suite of one topic, or of all, on NumPy arrays."""
    return type("Suite", (OnNumPy, topic), {})


@contextmanager
def served_by(backend):
    """Let a backend serve NumPy's arrays."""
    before = dispatch._by_type.get(np.ndarray)
    dispatch._by_type[np.ndarray] = backend
    try:
        yield
    finally:
        del dispatch._by_type[np.ndarray]
        if before is not None:
            dispatch._by_type[np.ndarray] = before


def first_failure(backend, topic=Conformance):
    """Return the first test of a topic that fails on a backend, None where all pass."""
    suite = of_topic(topic)
    with served_by(backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, test, arguments in cases(suite):
            try:
                test(suite(), **arguments)
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception) as error:
                return name, arguments, error
    return None


def problem(form, with_Y):
    """Return a random problem of the suite, on NumPy arrays."""
    return Problem(of_topic(Conformance)(), form, with_Y, "float64")


def cases(suite):
    """Yield the name, the function and the arguments of every test of a suite."""
    for name in sorted(dir(suite)):
        test = getattr(suite, name)
        if not name.startswith("test_"):
            continue
        marks = getattr(test, "pytestmark", ())
        choices = [mark.args for mark in marks if mark.name == "parametrize"]
        if "dtype" in inspect.signature(test).parameters:
            choices.append(("dtype", suite.dtypes))
        named = [(names(of), values) for of, values in choices]
        for chosen in product(*(values for _, values in named)):
            arguments = {}
            for (keys, _), value in zip(named, chosen, strict=True):
                arguments |= zip(keys, [value] if len(keys) == 1 else value, strict=True)
            yield name, test, arguments


def names(of):
    return (of,) if isinstance(of, str) else tuple(of)


# ------------------------------------------------------------------------------------- one method


def backend(**methods):
    """Return a generic backend with other methods, each ``(backend, original, *arguments)``."""

    def method(name, instead):
        original = getattr(Backend, name)

        def replaced(self, *arguments, **options):
            def as_it_was(*arguments, **options):
                return original(self, *arguments, **options)

            return instead(as_it_was, *arguments, **options)

        return replaced

    members = {name: method(name, instead) for name, instead in methods.items()}
    return type("Broken", (Backend,), members)(xp)


def off(original, *arguments, **options):
    """Give a result that is a little too large."""
    return original(*arguments, **options) * 1.001


def nothing(original, *arguments, **options):
    """Give nothing."""


def off_vectors(original, S):
    """Give eigenvectors that are a little too long."""
    values, vectors = original(S)
    return values, vectors * 1.001


def off_distances(original, *arguments):
    """Give a tile of D that is a little too large."""
    made = original(*arguments)
    return made._replace(D=made.D + 0.01)


def first_argument(original, value, *arguments, **options):
    """Give what was given."""
    return value


def refused(original, *arguments, **options):
    """Refuse what is accepted."""
    raise TypeError("refused")


def twice(original, metric, array, options):
    """Take a parameter for twice as much."""
    return original(metric, 2 * array, options)


def last_of_duplicates(original, index, values, size):
    """Let the last row of an index stand for all of them."""
    found = np.zeros((size, values.shape[1]), dtype=values.dtype)
    found[index] = values
    return found


# -------------------------------------------------------------------------------- whole operations


def spoiling(operation, part, alone):
    """Return a generic backend that gives a wrong part of an operation's result, without Y or with.

    `alone` tells in which of the two cases.
    """

    class Broken(Backend):
        pass

    @Broken.register(operation)
    def wrong(backend, problem, asked):
        found = asked.run(backend, problem)
        return spoilt(found, part) if (problem.Y is None) == alone else found

    return Broken(xp)


def watched():
    """Return a generic backend, and the set of what it is asked: operation, form, without Y."""
    asked = set()

    class Watched(Backend):
        def run(self, problem, operation):
            form = "euclidean" if problem.metric is None else type(problem.metric).__name__.lower()
            asked.add((type(operation), form, problem.Y is None))
            return super().run(problem, operation)

    return Watched(xp), asked


def spoilt(found, part):
    """Return a result with a wrong part; None where it is one array."""
    if part is None:
        return _wrong(found)
    if part == "value":
        return _wrong(found[0]), found[1]
    if not hasattr(found, "_fields"):
        return found[0], spoilt(found[1], part)
    values = getattr(found, part)
    return found if values is None else found._replace(**{part: _wrong(values)})


def _wrong(values):
    if array_api_compat.is_array_api_obj(values) and values.dtype.kind in "iu":
        return values[:, ::-1]
    values *= values.dtype.type(1.001)  # in place: `out` is what is returned
    return values
