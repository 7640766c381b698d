"""The suite that a plugin's author runs, on the stranger's plugin as it is installed."""

import pytest

from maha_core.testing import Conformance

toyarray = pytest.importorskip("toyarray", reason="nox -s tests-plugins builds and installs it")


@pytest.mark.cases(8)
class TestToyArrays(Conformance):
    """What differs from NumPy's arrays is how the plugin is found, not what it computes."""

    def array(self, values):
        return toyarray.Array(values)

    def to_numpy(self, array):
        assert type(array) is toyarray.Array
        return array.numpy()
