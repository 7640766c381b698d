"""Plugins are found by name, loaded when asked for, and reported when they do not work."""

import threading
import time

import array_api_compat
import numpy as np
import pytest

from maha_core.backend import Backend
from maha_core.inventory import describe
from maha_core.registry import Plugin, PluginError, Registry


def make_backend():
    return Backend(array_api_compat.array_namespace(np.empty(0)))


def plugin(
    name="shelf", value="maha_shelf:Shelf", distribution="maha-shelf", load=None, requires=()
):
    return Plugin(name, value, distribution, "1.0", load or (lambda: make_backend), requires)


def registry(*plugins):
    return Registry(lambda: plugins)


def fails(error):
    def load():
        raise error

    return load


@pytest.fixture(autouse=True)
def nothing_disabled(monkeypatch):
    monkeypatch.delenv("MAHA_CORE_DISABLE_PLUGINS", raising=False)


def test_a_name_without_a_plugin_is_none():
    assert registry(plugin()).load("nowhere") is None


def test_a_plugin_is_loaded_once():
    calls = []

    def load():
        calls.append("load")
        return make_backend

    shelves = registry(plugin(load=load))
    assert shelves.load("shelf") is shelves.load("shelf")
    assert calls == ["load"]


def test_only_the_plugin_asked_for_is_loaded():
    others = plugin("other", "maha_other:Other", load=fails(AssertionError("loaded")))
    assert isinstance(registry(plugin(), others).load("shelf"), Backend)


def test_nothing_is_looked_up_before_the_first_question():
    asked = []
    shelves = Registry(lambda: asked.append("find") or [])
    assert asked == []
    shelves.load("shelf")
    shelves.load("other")
    assert asked == ["find"]


def test_threads_share_one_load():
    calls = []

    def load():
        calls.append("load")
        time.sleep(0.05)
        return make_backend

    shelves, found = registry(plugin(load=load)), []
    threads = [threading.Thread(target=lambda: found.append(shelves.load("shelf"))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["load"]
    assert len(set(map(id, found))) == 1


# -------------------------------------------------------------------------------------- conflicts


def test_two_distributions_of_one_name_are_an_error_that_names_both():
    shelves = registry(plugin(), plugin(value="rival:Shelf", distribution="rival"))
    with pytest.raises(PluginError, match=r"maha-shelf 1\.0 .*rival 1\.0") as caught:
        shelves.load("shelf")
    assert "MAHA_CORE_DISABLE_PLUGINS=" in str(caught.value)


def test_a_conflict_leaves_the_other_names_alone():
    shelves = registry(plugin(), plugin(value="rival:Shelf"), plugin("other", "o:O"))
    assert isinstance(shelves.load("other"), Backend)


def test_one_entry_point_listed_twice_is_no_conflict():
    assert isinstance(registry(plugin(), plugin()).load("shelf"), Backend)


# ----------------------------------------------------------------------------------- broken plugins


@pytest.mark.parametrize(
    "error", [ImportError("libshelf.so is missing"), RuntimeError("no device"), SystemExit(3)]
)
def test_a_broken_plugin_gives_its_reason_and_the_command_that_mends_it(error):
    with pytest.raises(PluginError) as caught:
        registry(plugin(load=fails(error))).load("shelf")
    message = str(caught.value)
    assert f"{type(error).__name__}: {error}" in message
    assert "maha-shelf 1.0" in message
    assert "pip install --force-reinstall maha-shelf" in message
    assert "MAHA_CORE_DISABLE_PLUGINS=shelf" in message
    assert caught.value.__cause__ is error


def test_a_factory_that_fails_is_a_broken_plugin():
    with pytest.raises(PluginError, match="RuntimeError: no driver"):
        registry(plugin(load=lambda: fails(RuntimeError("no driver")))).load("shelf")


@pytest.mark.parametrize("product", [None, object(), "shelf"])
def test_a_factory_must_return_a_backend(product):
    with pytest.raises(PluginError, match=f"returned {type(product).__name__}, not a maha_core"):
        registry(plugin(load=lambda: lambda: product)).load("shelf")


def test_a_failure_is_remembered():
    calls = []

    def load():
        calls.append("load")
        raise ImportError("no")

    shelves = registry(plugin(load=load))
    messages = set()
    for _ in range(3):
        with pytest.raises(PluginError) as caught:
            shelves.load("shelf")
        messages.add(str(caught.value))
    assert calls == ["load"]
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("missing", "commands"),
    [
        ("cupy", ['pip install ".[cuda12]"', 'pip install ".[cuda13]"']),
        ("cupy.cuda", ['pip install ".[cuda12]" or pip install ".[cuda13]"']),
        ("dask", ['pip install ".[dask]"']),
        ("das", ['pip install --force-reinstall "."']),
        ("numpy", ['pip install --force-reinstall "."']),
        ("unheard_of", ['pip install --force-reinstall "."']),
    ],
)
def test_a_missing_module_is_brought_by_the_extra_that_names_it(missing, commands):
    requires = (
        "numpy>=2.0",
        "dask[array]; extra == 'dask'",
        'maha-core[dask,learn]; extra == "all"',
        'cupy-cuda12x ; extra == "cuda12"',
        "cupy-cuda13x; extra == 'cuda13'",
    )
    error = ModuleNotFoundError(f"No module named {missing!r}", name=missing)
    shelves = registry(plugin(distribution="maha-core", load=fails(error), requires=requires))
    with pytest.raises(PluginError) as caught:
        shelves.load("shelf")
    for command in commands:
        assert command in str(caught.value)


# --------------------------------------------------------------------------------- disabled plugins


@pytest.mark.parametrize(
    ("variable", "left"),
    [
        ("", ["numpy", "other", "shelf"]),
        ("0", ["numpy", "other", "shelf"]),
        ("1", ["numpy"]),
        ("shelf", ["numpy", "other"]),
        (" shelf , other", ["numpy"]),
        ("numpy", ["other", "shelf"]),
        ("Maha_Shelf", ["numpy", "other"]),
        ("1,numpy", []),
    ],
)
def test_the_variable_disables_names_distributions_or_all_third_parties(
    monkeypatch, variable, left
):
    monkeypatch.setenv("MAHA_CORE_DISABLE_PLUGINS", variable)
    shelves = registry(
        plugin("numpy", "maha_numpy:NumpyBackend", "maha-core"),
        plugin(),
        plugin("other", "other:Other", "other-dist"),
    )
    assert list(shelves.enabled) == left
    assert [name for name in ("numpy", "other", "shelf") if shelves.load(name)] == left


def test_disabling_one_distribution_resolves_a_conflict(monkeypatch):
    monkeypatch.setenv("MAHA_CORE_DISABLE_PLUGINS", "rival")
    shelves = registry(plugin(), plugin(value="rival:Shelf", distribution="rival"))
    assert isinstance(shelves.load("shelf"), Backend)


# ------------------------------------------------------------------------------------ the inventory


def by_name(registry, check):
    return {info.name: info for info in describe(registry, check)}


def test_the_inventory_loads_nothing_unless_it_checks():
    calls = []

    def load():
        calls.append("load")
        return make_backend

    shelves = registry(plugin(load=load))
    info = by_name(shelves, check=False)["shelf"]
    assert (info.works, info.version, info.devices, calls) == (None, None, (), [])
    info = by_name(shelves, check=True)["shelf"]
    assert (info.works, info.version, calls) == (True, np.__version__, ["load"])
    assert info.devices == ("cpu",)
    assert by_name(shelves, check=False)["shelf"].works is True  # it has been loaded


def test_the_inventory_goes_on_past_what_is_broken(monkeypatch):
    monkeypatch.setenv("MAHA_CORE_DISABLE_PLUGINS", "off")
    shelves = registry(
        plugin(),
        plugin("broken", "broken:B", load=fails(OSError("no driver"))),
        plugin("off", "off:Off"),
        plugin("twice", "one:T", "one"),
        plugin("twice", "two:T", "two"),
    )
    found = by_name(shelves, check=True)
    assert {name: info.works for name, info in found.items()} == {
        "broken": False,
        "generic": True,
        "off": False,
        "shelf": True,
        "twice": False,
    }
    assert "no driver" in found["broken"].reason
    assert "MAHA_CORE_DISABLE_PLUGINS" in found["off"].reason
    assert "one 1.0" in found["twice"].reason
    assert "two 1.0" in found["twice"].reason


def test_a_conflict_needs_no_check():
    shelves = registry(plugin("twice", "one:T", "one"), plugin("twice", "two:T", "two"))
    assert by_name(shelves, check=False)["twice"].works is False


def test_a_backend_whose_devices_cannot_be_listed_does_not_work():
    class Deviceless(Backend):
        def devices(self):
            raise RuntimeError("the driver is too old")

    shelves = registry(plugin(load=lambda: lambda: Deviceless(make_backend().xp)))
    info = by_name(shelves, check=True)["shelf"]
    assert not info.works
    assert "the driver is too old" in info.reason


def test_the_inventory_prints_as_a_table():
    lines = repr(describe(registry(plugin()), check=True)).splitlines()
    assert lines[0].split() == ["backend", "provider", "version", "works", "devices"]
    assert lines[2].split() == ["shelf", "maha-shelf", "1.0", np.__version__, "yes", "cpu"]
    assert lines[3].startswith("generic  maha-core")
