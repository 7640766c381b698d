"""Print what finding an array's backend costs: python benchmarks/dispatch.py."""

import timeit

import array_api_strict
import numpy as np

from maha_core.dispatch import backend_of, use_backend
from maha_core.options import current

REPETITIONS = 200_000


class Subclass(np.ndarray):
    """Found by its base, on the first call."""


def nanoseconds(function):
    return min(timeit.repeat(function, number=REPETITIONS, repeat=5)) / REPETITIONS * 1e9


def show(what, function):
    print(f"{what:<44}{nanoseconds(function):8.0f} ns")


def main():
    arrays = {
        "numpy.ndarray (plugin)": np.zeros((2, 2)),
        "a subclass of numpy.ndarray (plugin)": np.zeros((2, 2)).view(Subclass),
        "array_api_strict (generic)": array_api_strict.zeros((2, 2)),
    }
    for name, X in arrays.items():
        show(f"seen type: {name}", lambda X=X: backend_of(X, "X"))
    X = arrays["numpy.ndarray (plugin)"]
    with use_backend("generic"):
        show("inside use_backend('generic')", lambda: backend_of(X, "X"))
    with use_backend("numpy"):
        show("inside use_backend('numpy')", lambda: backend_of(X, "X"))
    show("reading the options", current)


if __name__ == "__main__":
    main()
