"""The table of installed backends: `maha_core.backends`."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from maha_core.registry import (
    DISABLE,
    REGISTRY,
    PluginError,
    Registry,
)
from maha_core.version import DISTRIBUTION, version

ABSENT = "not installed"

_HEADINGS = ("backend", "provider", "version", "works", "devices")


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """One backend, as `maha_core.backends` found it.

    Parameters
    ----------
    name : str
        The root module of the array types that it serves, or ``"generic"``.
    provider : str
        The distribution that provides it, with its version.
    version : str or None
        The version of the array library; None if not checked.
    works : bool or None
        Whether it works; None if not checked. False if its library is not installed.
    reason : str
        Why it does not work and how to fix it, or which arrays it serves and how.
    devices : tuple of str
        The devices that its arrays can be on; empty if not checked.
    """

    name: str
    provider: str
    version: str | None
    works: bool | None
    reason: str
    devices: tuple[str, ...]


class BackendTable(tuple[BackendInfo, ...]):
    """The installed backends: a tuple of `BackendInfo` that prints as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        rows = "".join(_html_row(_cells(info), "td") for info in self)
        return f"<table>{_html_row(_HEADINGS, 'th')}{rows}</table>"

    def __repr__(self) -> str:
        rows = [_HEADINGS, *(_cells(info) for info in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [_line(row, widths) for row in rows]
        lines.insert(1, _line(["-" * width for width in widths], widths))
        notes = [f"{info.name}: {info.reason}" for info in self if info.reason]
        return "\n".join([*lines, "", *notes] if notes else lines)


def _cells(info: BackendInfo) -> tuple[str, ...]:
    works = {True: "yes", False: "no", None: "not checked"}[info.works]
    if info.reason.startswith(ABSENT):
        works = ABSENT
    return (info.name, info.provider, info.version or "-", works, ", ".join(info.devices) or "-")


def _html_row(cells: tuple[str, ...], tag: str) -> str:
    shown = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{shown}</tr>"


def _line(cells: tuple[str, ...] | list[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def backends(check: bool = False) -> BackendTable:
    """List the backends that are installed.

    Parameters
    ----------
    check : bool
        Whether to load each plugin to see whether it works. If False, nothing is imported.

    Returns
    -------
    tuple of BackendInfo
        The backends; the tuple prints as a table.

    Examples
    --------
    >>> import maha_core as mc
    >>> "numpy" in [info.name for info in mc.backends(check=True) if info.works]
    True
    """
    return describe(REGISTRY, check)


def describe(registry: Registry, check: bool) -> BackendTable:
    """List the backends of a registry; `backends` uses the registry of the process."""
    infos = [_describe(registry, name, check) for name in registry.plugins]
    return BackendTable([*infos, _generic()])


def _describe(registry: Registry, name: str, check: bool) -> BackendInfo:
    enabled = registry.enabled.get(name, [])
    provider = ", ".join(plugin.provider for plugin in enabled or registry.plugins[name])
    if not enabled:
        return BackendInfo(name, provider, None, False, f"disabled by {DISABLE}", ())
    loaded = registry.loaded(name)
    if loaded is None and not check and len(enabled) == 1:
        return BackendInfo(name, provider, None, None, "", ())
    try:
        backend = registry.load(name)
        assert backend is not None, name  # it is enabled
        version, remark, devices = backend.version(), backend.remark(), tuple(backend.devices())
        return BackendInfo(name, provider, version, True, remark, devices)
    except PluginError as error:
        if error.name and name.startswith(error.name.partition(".")[0]):  # jax also for jaxlib
            reason = _absent(error, registry.how_to_install(name, error.name))
            return BackendInfo(name, provider, None, False, reason, ())
        return BackendInfo(name, provider, None, False, str(error), ())
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return BackendInfo(name, provider, None, False, reason, ())


def _absent(error: PluginError, how: str) -> str:
    """Return the entry of a library that is not installed, with the command that installs it."""
    why = str(error.__cause__)
    return f"{ABSENT}; for its arrays: {how}" if why.startswith("No module") else f"{ABSENT}: {why}"


def _generic() -> BackendInfo:
    serves = "serves every other array that follows the array API standard"
    return BackendInfo("generic", f"{DISTRIBUTION} {version()}", None, True, serves, ())
