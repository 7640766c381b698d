"""The installed plugins, found by entry point and loaded one at a time, when first needed.

A plugin is an entry point of the group ``maha_core.backends``. Its name is the root module of the
array type that it serves (``numpy``, ``cupy``, ``dask``), its value a callable without arguments
that returns a `maha_core.backend.Backend`. The plugins of maha_core itself are found in the same
way.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from maha_core.engine import Engine
from maha_core.version import DISTRIBUTION

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "maha_core.backends"
DISABLE = "MAHA_CORE_DISABLE_PLUGINS"

Generic = TypeVar("Generic", bound=type[Engine])


class PluginError(ImportError):
    """A plugin that should serve an array cannot: it is broken, or two claim the same name.

    If a library is not installed, `name` is the name of its module.
    """


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point, and the distribution that provides it."""

    name: str
    value: str
    distribution: str
    version: str
    load: Callable[[], object]
    requires: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The distribution and its version, as ``pip list`` names them."""
        return f"{self.distribution} {self.version}".strip()


def installed() -> list[Plugin]:
    """Return every installed plugin without importing any."""
    return [_plugin(entry) for entry in metadata.entry_points(group=GROUP)]


def _plugin(entry: EntryPoint) -> Plugin:
    distribution: Distribution | None = entry.dist
    if distribution is None:
        return Plugin(entry.name, entry.value, "an unknown distribution", "", entry.load)
    return Plugin(
        name=entry.name,
        value=entry.value,
        distribution=distribution.metadata["Name"],
        version=distribution.version,
        load=entry.load,
        requires=tuple(distribution.requires or ()),
    )


class Registry:
    """The plugins of one process; each is loaded at most once, and a failure is remembered.

    Parameters
    ----------
    find : callable
        Returns the installed plugins; called once, when first needed.
    """

    _generic: type[Engine]

    def __init__(self, find: Callable[[], Iterable[Plugin]] = installed) -> None:
        self._find = find
        self._loaded: dict[str, Engine] = {}
        self._failed: dict[str, PluginError] = {}
        # Reentrant: a plugin may ask the registry while it is being loaded.
        self._lock = threading.RLock()

    @cached_property
    def plugins(self) -> dict[str, list[Plugin]]:
        """The plugins by name, disabled ones too."""
        return _by_name(self._find())

    @cached_property
    def enabled(self) -> dict[str, list[Plugin]]:
        """The enabled plugins by name; more than one for a name is a conflict."""
        return _by_name(p for found in self.plugins.values() for p in found if not _is_disabled(p))

    def serves_all_others(self, generic: Generic) -> Generic:
        """Register the class of the backend for arrays that no plugin serves."""
        self._generic = generic
        return generic

    def generic(self, xp: Any) -> Engine:
        """Return a backend for an array API namespace that no plugin serves."""
        return self._generic(xp)

    def load(self, root: str) -> Engine | None:
        """Return the backend for arrays whose root module is `root`.

        Parameters
        ----------
        root : str
            A root module, such as ``"numpy"``.

        Returns
        -------
        Engine or None
            None where there is no such plugin, or it is disabled.

        Raises
        ------
        PluginError
            Two distributions provide a plugin of this name, or the plugin fails to load.
        """
        backend = self._loaded.get(root)
        if backend is not None:
            return backend
        with self._lock:
            if root in self._failed:
                before = self._failed[root]
                raise PluginError(*before.args, name=before.name) from before.__cause__
            if root not in self._loaded and root in self.enabled:
                self._loaded[root] = self._load(root)
            return self._loaded.get(root)

    def how_to_install(self, root: str, module: str | None = None) -> str:
        """Return the commands that install a module (by default the library) of a plugin."""
        (plugin,) = self.enabled[root]
        return _remedy(plugin, ModuleNotFoundError(name=module or root))

    def loaded(self, root: str) -> Engine | None:
        """Return the backend if it has been loaded already."""
        return self._loaded.get(root)

    def _load(self, root: str) -> Engine:
        try:
            return _make(_only(self.enabled[root]))
        except PluginError as error:
            self._failed[root] = error
            raise


def _by_name(found: Iterable[Plugin]) -> dict[str, list[Plugin]]:
    # An editable install can list a distribution twice, hence one for each value.
    different = {(plugin.name, plugin.value): plugin for plugin in found}
    ordered = sorted(different.values(), key=lambda plugin: (plugin.name, plugin.distribution))
    return {name: list(group) for name, group in groupby(ordered, lambda plugin: plugin.name)}


def _is_disabled(plugin: Plugin) -> bool:
    """Return whether MAHA_CORE_DISABLE_PLUGINS blocks this plugin.

    The variable lists names of plugins or of distributions, separated by commas; 1 stands for
    every plugin that is not part of maha-core.
    """
    blocked = {_normal(item) for item in os.environ.get(DISABLE, "").split(",")}
    distribution = _normal(plugin.distribution)
    third_party = distribution != DISTRIBUTION
    return bool(blocked & {_normal(plugin.name), distribution}) or (third_party and "1" in blocked)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _only(found: list[Plugin]) -> Plugin:
    if len(found) == 1:
        return found[0]
    brought = " and ".join(f"{plugin.provider} ({plugin.value})" for plugin in found)
    strangers = [p.distribution for p in found if _normal(p.distribution) != DISTRIBUTION]
    raise PluginError(
        f"{len(found)} plugins claim the arrays of {found[0].name!r}: {brought}. "
        f"Keep one: pip uninstall {strangers[-1]}, or set {DISABLE}={strangers[-1]}"
    )


def _make(plugin: Plugin) -> Engine:
    try:
        factory = plugin.load()
        backend = factory()  # type: ignore[operator]  # what is no factory is reported below
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        message = _broken(plugin, f"{type(error).__name__}: {error}", error)
        raise PluginError(message, name=missing) from error
    if not isinstance(backend, Engine):
        got = f"{plugin.value} returned {type(backend).__name__}, not a maha_core.backend.Backend"
        raise PluginError(_broken(plugin, got))
    return backend


def _broken(plugin: Plugin, reason: str, error: BaseException | None = None) -> str:
    return (
        f"the plugin {plugin.name!r} of {plugin.provider} does not work: {reason}. "
        f"To mend it: {_remedy(plugin, error)}. To do without it: {DISABLE}={plugin.name}"
    )


def _remedy(plugin: Plugin, error: BaseException | None) -> str:
    """Return the commands that install a missing module: an extra that names it, else the plugin.

    A library that no extra installs must be installed by the user.
    """
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    module = missing.partition(".")[0]
    extras = _extras_with(module, plugin.requires) if module else []
    own = _normal(plugin.distribution) == DISTRIBUTION  # not on any package index
    source, anew = (".", '"."') if own else (plugin.distribution, plugin.distribution)
    wanted = [f'pip install "{source}[{extra}]"' for extra in extras]
    if not wanted and module and plugin.name.startswith(module):  # also jax for jaxlib's arrays
        return f"pip install {module}"
    return " or ".join(wanted) or f"pip install --force-reinstall {anew}"


def _extras_with(module: str, requires: tuple[str, ...]) -> list[str]:
    # cupy is brought by cupy-cuda12x: hence the prefix.
    pattern = re.compile(rf"{re.escape(_normal(module))}(?![a-z0-9]).*extra\s*==\s*['\"]([^'\"]+)")
    matches = (pattern.match(requirement.lower()) for requirement in requires)
    return [match[1] for match in matches if match]


REGISTRY = Registry()
