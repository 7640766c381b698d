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

from maha_core.testing.conformance import Conformance

__all__ = ["Conformance"]
