"""One random call by its seed, and many of them by the clock."""

import time
import zlib
from itertools import count

import numpy as np

import libraries
from fuzz.calls import CALLS

LIBRARIES = ("numpy", "torch", "strict", "dask", "jax")


def installed():
    """Return the libraries that can be imported here."""
    found = []
    for name in LIBRARIES:
        try:
            libraries.load(name)
        except BaseException as error:  # pytest's Skipped is none of Exception's
            if type(error).__name__ != "Skipped":
                raise
        else:
            found.append(name)
    return found


def failure(library, seed):
    """Run one call; return None, or what is wrong and a script that shows it.

    A function that a library does not have is not called.
    """
    rng = np.random.default_rng([seed, zlib.crc32(library.encode())])
    kind = CALLS[seed % len(CALLS)]
    if library in kind.without:
        return None
    call = kind(rng, library)
    try:
        result = call.script.run()
        found = next((text for text in map(wrong, call.answers(result)) if text), None)
    except ValueError as error:
        found = None if call.refused(str(error)) else f"{type(error).__name__}: {error}"
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    if found is None:
        return None
    return f"# {library}, seed {seed}: {found}\n{call.script}\nprint(result)\n"


def wrong(answer):
    """Return how the worst entry is wrong; None if all are within what is promised."""
    actual = np.asarray(answer.actual).astype(np.longdouble)
    if actual.shape != np.shape(answer.exact):
        return f"{answer.name} has shape {actual.shape}, not {np.shape(answer.exact)}"
    right = np.abs(actual - answer.exact) <= answer.allowed
    if right.all():
        return None
    at = tuple(map(int, np.argwhere(~right)[0]))
    exact, allowed = np.asarray(answer.exact)[at], np.broadcast_to(answer.allowed, actual.shape)[at]
    return f"{answer.name}{list(at)} is {actual[at]}, not {exact} (error allowed: {allowed:.2g})"


def run(seconds, first, names):
    """Run calls until the time is over; return how many, and all failures."""
    stop, failures, calls = time.monotonic() + seconds, [], 0
    for seed in count(first):
        for name in names:
            if (found := failure(name, seed)) is not None:
                failures.append(found)
            calls += 1
        if time.monotonic() > stop:
            return calls, failures
    raise AssertionError
