"""Tables for people, and the same figures for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.contestants.roster import OURS
from benchmarks.floors import verdicts
from benchmarks.growth import Point
from benchmarks.tables import Row
from benchmarks.tabular import table
from benchmarks.timing import Times

UNBROKEN = "\N{NO-BREAK SPACE}"


def title(operation: str) -> str:
    return f"\n{operation}\n{'-' * len(operation)}"


def text(row: Row) -> str:
    """Return a case's medians, and its ratios (and those of the quickest rounds) beside floors."""
    lines = [f"\n{row.case}", *_medians(row.times), *_strange(row)]
    for verdict in verdicts(row):
        quickest = "" if verdict.quickest is None else f"({verdict.quickest:.2f})"
        line = f"  {verdict.measured:9.2f} {quickest:>10}  {verdict.what}"
        if verdict.floor is not None:
            answer = {True: "met", False: "NOT MET", None: "at the full size"}[verdict.met]
            line = f"{line:<72}{verdict.sense} {verdict.floor:<6g} {answer}"
        lines.append(line)
    return "\n".join(lines)


def growth_text(point: Point) -> str:
    used = "" if point.memory is None else f"{point.memory / 2**20:9.0f} MiB above inputs"
    seconds = f"{point.seconds * 1e3:10.1f} ms"
    return f"{point.case.operation:<9} n = {point.case.n:<6} {point.contestant:<14}{seconds}{used}"


def summary(rows: Iterable[Row]) -> str:
    found = [(row.case, verdict) for row in rows for verdict in verdicts(row)]
    missed = [f"  {case.operation}, {case}: {v.what}" for case, v in found if v.met is False]
    promised = sum(verdict.met is not None for _, verdict in found)
    head = f"\n{promised - len(missed)} of {promised} floors met"
    return "\n".join([head + (", not met:" if missed else ""), *missed])


def as_json(row: Row) -> dict[str, Any]:
    return {
        **asdict(row.case),
        "seconds": {name: median(times) for name, times in row.times.items()},
        "rounds": {name: [float(f"{t:.4g}") for t in times] for name, times in row.times.items()},
        "largest_difference_from_ours": row.differences,
        "failures": row.failures,
        "peak_bytes_above_inputs": row.memory,
        "floors": [{**asdict(verdict), "met": verdict.met} for verdict in verdicts(row)],
    }


def page(here: dict[str, Any], rows: Iterable[Row]) -> str:
    """Return the figures beside the floors as a page of Markdown."""
    rows = list(rows)
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    where = f"{here['cpu']} ({', '.join(here['instructions'])}), {here['cores']} cores"
    parts = [
        "# NumPy arrays: speed and memory",
        f"{where}, load {here['load_average']}; {versions}.",
        "Medians of the ratios of several rounds, in one process and in turn, and in brackets the "
        "ratio of the quickest rounds; `python -m benchmarks` takes them anew.",
    ]
    for operation, group in groupby(rows, key=lambda row: row.case.operation):
        parts += [f"## {operation}", table([line for row in group for line in _page_rows(row)])]
    return "\n\n".join([*parts, summary(rows).strip()]) + "\n"


def _page_rows(row: Row) -> list[dict[str, Any]]:
    case = row.case
    seconds = {"maha_core": _duration(median(row.times[OURS]))} if OURS in row.times else {}
    return [
        {
            "case": _sizes(case),
            **seconds,
            "what": verdict.what,
            "measured": f"{verdict.measured:.2f}"
            + ("" if verdict.quickest is None else f" ({verdict.quickest:.2f})"),
            "floor": "" if verdict.floor is None else f"{verdict.sense} {verdict.floor:g}",
            "": {True: "met", False: "**not met**", None: ""}[verdict.met],
        }
        for verdict in verdicts(row)
    ]


def _sizes(case: Case) -> str:
    further = f"m = {case.m}, d = {case.d}" if case.m else f"d = {case.d}, k = {case.k}"
    return f"n = {case.n}, {further}, {case.dtype}"


def growth_json(point: Point) -> dict[str, Any]:
    return {
        **asdict(point.case),
        "contestant": point.contestant,
        "seconds": point.seconds,
        "peak_bytes_above_inputs": point.memory,
    }


def _medians(times: Times) -> list[str]:
    items = [f"{name} {_duration(median(seconds))}" for name, seconds in times.items()]
    together = "; ".join(item.replace(" ", UNBROKEN) for item in items)
    lines = textwrap.wrap(together, 98, initial_indent="  ", subsequent_indent="  ")
    return [line.replace(UNBROKEN, " ") for line in lines]


def _strange(row: Row) -> list[str]:
    """Warn of contestants that fail, or do not compute the same thing."""
    bound = np.finfo(row.case.dtype).eps ** 0.5
    return [
        f"  WARNING: {name} differs from maha_core by {difference:.1e} of the largest entry"
        for name, difference in row.differences.items()
        if not difference < bound
    ] + [f"  WARNING: {name} stays out: {reason}" for name, reason in row.failures.items()]


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
