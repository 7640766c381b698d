"""Options hold inside their block and nowhere else."""

import asyncio
import threading

import numpy as np
import pytest

from maha_core.options import Options, current, options


def test_defaults():
    assert current() == Options("accurate", True, None, None)


def test_a_block_changes_what_it_names_and_keeps_the_rest():
    with options(precision="fast", threads=2):
        with options(threads=3, check_finite=False) as inner:
            assert inner is current()
            assert current() == Options("fast", False, None, 3)
        assert current() == Options("fast", True, None, 2)
    assert current() == Options()


def test_none_means_automatic_not_unchanged():
    with options(tile_bytes=4096, threads=2), options(tile_bytes=None, threads=None):
        assert current() == Options()


def test_an_error_inside_restores_what_was():
    with pytest.raises(RuntimeError, match="inside"), options(threads=1):
        raise RuntimeError("inside")
    assert current() == Options()


def test_as_a_decorator():
    @options(precision="fast")
    def precision():
        return current().precision

    assert [precision(), precision(), current().precision] == ["fast", "fast", "accurate"]


def test_another_thread_has_its_own():
    seen = []
    with options(threads=1):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [Options()]


def test_asyncio_tasks_do_not_see_each_other():
    async def task(threads):
        with options(threads=threads):
            await asyncio.sleep(0)
            return current().threads

    async def both():
        return await asyncio.gather(task(1), task(2))

    assert asyncio.run(both()) == [1, 2]


def test_integers_of_numpy_are_integers():
    with options(threads=np.int64(2)):
        assert type(current().threads) is int


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"precision": "exact"}, ValueError),
        ({"precision": None}, ValueError),
        ({"check_finite": 1}, TypeError),
        ({"check_finite": None}, TypeError),
        ({"compiled": None}, TypeError),
        ({"compiled": 0}, TypeError),
        ({"tile_bytes": 0}, ValueError),
        ({"tile_bytes": 1.5}, TypeError),
        ({"tile_bytes": "8MB"}, TypeError),
        ({"threads": 0}, ValueError),
        ({"threads": -1}, ValueError),
        ({"threads": True}, TypeError),
        ({"threads": 2.0}, TypeError),
    ],
)
def test_bad_values_are_refused_at_once_by_name_and_value(bad, error):
    ((name, value),) = bad.items()
    with pytest.raises(error, match=f"^{name} must be .*got {value!r}$"):
        options(**bad)


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="processes"):
        options(processes=2)
