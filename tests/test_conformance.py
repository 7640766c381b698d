"""The public conformance suite, on the library's own backends."""

import numpy as np
import pytest

import libraries
import maha_core as mc
from maha_core.testing import Conformance


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
        self.out = library.writable

    def array(self, values):
        return self.library.array(values)

    def to_numpy(self, array):
        return self.library.numpy(array)


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
