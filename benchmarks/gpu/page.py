"""The page of results, measured or not yet."""

from __future__ import annotations

from typing import Any

from benchmarks.tabular import table

UNMEASURED = "not measured"
COMMAND = "nox -s gpu"


def text(found: dict[str, Any]) -> str:
    """Return the page of what was found; without a device, of what will be looked for."""
    on = found["device"]
    lines = ["# On a GPU", _missing() if on is None else _taken_on(on, found["absent"])]
    for title, rows in found["tables"].items():
        lines += [f"## {title}", table(rows)]
    return "\n\n".join(lines) + "\n"


def _missing() -> str:
    return (
        f"**Not measured**: no GPU was to be had. `{COMMAND}` on a machine with one runs the tests "
        "there, measures what stands below, and writes it over this page, with the device's name, "
        "the driver and the date."
    )


def _taken_on(device: dict[str, Any], absent: list[str]) -> str:
    return (
        f"{device['name']}, driver {device['driver']}, CUDA {device['cuda']}, CuPy "
        f"{device['cupy']}, {device['date']}. Median seconds by device events, warmed up. "
        f"Without: {', '.join(absent) or 'nobody'}."
    )
