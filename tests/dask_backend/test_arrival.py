"""What travels arrives at odd addresses; tasks see it where it was, so that bits stay the same."""

import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc
from maha_core.options import Options
from maha_core.problem import Neighbors, Pairs
from maha_core.sweeps.pair_term import ListedItems
from maha_core.sweeps.terms import terms_of
from maha_dask.tasks import matrices, setting
from maha_dask.tasks.arrival import canonical

K, D = 2, 4


def odd(array):
    """Return a copy at an odd address."""
    buffer = np.empty(array.nbytes + 1, dtype=np.uint8)
    moved = buffer[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


def travelled(kind):
    A, X = odd(problems.draw(K, D)), odd(problems.draw(5, D))
    return {
        "array": (X, lambda value: [value]),
        "list": ([X, None], lambda value: [value[0]]),
        "named tuple": (Neighbors(X, X), list),
        "mapping": ({"y": X}, lambda value: list(value.values())),
        "terms": (_terms(X[:, 0]), lambda value: [value.pair_term.data["gap"]]),
        "setting": (_setting(A), lambda value: [value.form.A]),
    }[kind]


class Gaps(mc.losses.Loss):
    """A loss whose listed pairs have numbers of their own, which travel with its terms."""

    def pair_data(self):
        return {"gap": np.zeros(5)}

    def pair_term(self, item, D):
        return abs(item.gap - D)


def _terms(values):
    rows = np.arange(5)
    terms = terms_of(Gaps(), (), ListedItems(Pairs(rows, rows), rows, 1, True))
    terms.pair_term.data["gap"] = values
    return terms


def _setting(A):
    made = setting.metric(mc.Factor, np.array(A), Options(), block=())
    made.form.A = A
    return made


@pytest.mark.parametrize("kind", ["array", "list", "named tuple", "mapping", "terms", "setting"])
def test_arrays_are_put_in_place_wherever_they_are(kind):
    value, arrays = travelled(kind)
    found = canonical(value)
    assert type(found) is type(value)
    for before, after in zip(arrays(value), arrays(found), strict=True):
        assert after.flags.aligned
        assert not before.flags.aligned  # nobody else's argument is changed
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("value", [None, 3, "name", Options(), problems.draw(3, D)])
def test_what_is_in_place_is_left_alone(value):
    assert canonical(value) is value


@pytest.mark.parametrize("seed", range(10))
def test_a_block_with_one_close_pair_has_the_same_bits(seed):
    A, X, Y = (problems.draw(n, D, seed=3 * seed + at) for at, n in enumerate((K, 9, 9)))
    Y[3] = X[5] + 1e-7
    there = setting.metric(mc.Factor, A, Options(), block=())
    here = matrices.sqdist(there, X, Y, block=(0, 0))
    found = matrices.sqdist(_setting(odd(A)), odd(X), odd(Y), block=(0, 0))
    assert found.tobytes() == here.tobytes()
