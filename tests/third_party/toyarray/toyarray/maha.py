"""The plugin: what maha_core does with toy arrays. It counts the calls, to be seen."""

import numpy as np

from maha_core.backend import Backend
from maha_core.sweeps.distances import Sqdist
from toyarray import namespace
from toyarray.array import Array


class ToyBackend(Backend):
    """The generic backend, but for what this library does otherwise."""

    name = "toyarray"

    def __init__(self):
        super().__init__(namespace)
        self.calls = 0

    def version(self):
        return namespace.__version__

    def devices(self):
        return ["toy box"]

    def refuse(self, value, argument):
        if not isinstance(value, Array):
            raise TypeError(f"{argument} must be a toyarray.Array, not {type(value).__name__}")

    def quiet(self):
        return np.errstate(all="ignore")


@ToyBackend.register(Sqdist)
def sqdist(backend, problem, asked):
    """Count the call, and leave the work to the generic backend."""
    backend.calls += 1
    return asked.run(backend, problem)
