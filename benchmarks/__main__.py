"""Run the suite, print its tables, write its figures and its picture."""

from __future__ import annotations

import argparse
import json
import time
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import contestants, growth, machine, picture, report, tables
from benchmarks.cases import cases

RESULTS = Path(__file__).parent / "results"
TRIAL = RESULTS / "trial"  # what is not the whole suite does not replace the committed results
QUICK_SECONDS = 0.5


def main() -> None:
    chosen = _arguments()
    chosen.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    absent = contestants.enter_all()
    found: dict[str, Any] = {"machine": machine.describe(), "absent": absent}
    _introduce(found["machine"], absent)
    rows = _tables(chosen)
    points = _growth(chosen)
    found["cases"] = [report.as_json(row) for row in rows]
    found["growth"] = [report.growth_json(point) for point in points]
    found["load_average_at_the_end"] = machine.load()
    (chosen.output / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (chosen.output / "results.md").write_text(report.page(found["machine"], rows))
    if points:
        picture.draw(points, chosen.output / "growth.png")
    print(report.summary(rows))
    if chosen.quick:
        print("A quick run judges only the cases that it takes at their full size.")
    print(f"\n{time.perf_counter() - start:.0f} s; figures in {chosen.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    operations = sorted({case.operation for case in cases()})
    parser.add_argument("--quick", action="store_true", help="one small size of everything")
    parser.add_argument("--only", nargs="+", choices=operations, help="these tables alone")
    parser.add_argument("--no-growth", action="store_true", help="leave out the picture")
    parser.add_argument("--output", type=Path, help="a folder for the results")
    chosen = parser.parse_args()
    whole = not (chosen.quick or chosen.only or chosen.no_growth)
    chosen.output = chosen.output or (RESULTS if whole else TRIAL)
    return chosen


def _introduce(here: dict[str, Any], absent: dict[str, str]) -> None:
    print(f"{here['cpu']}, {here['cores']} cores, load {here['load_average']}")
    print(", ".join(f"{name} {version}" for name, version in here["versions"].items()))
    for name, reason in absent.items():
        print(f"without {name}: {reason}")


def _tables(chosen: argparse.Namespace) -> list[tables.Row]:
    wanted = [
        case
        for case in cases(quick=chosen.quick)
        if chosen.only is None or case.operation in chosen.only
    ]
    seconds = QUICK_SECONDS if chosen.quick else tables.SECONDS
    done = []
    for operation, group in groupby(wanted, key=lambda case: case.operation):
        print(report.title(operation))
        for row in tables.rows(list(group), seconds=seconds):
            print(report.text(row), flush=True)
            done.append(row)
    return done


def _growth(chosen: argparse.Namespace) -> list[growth.Point]:
    if chosen.no_growth:
        return []
    operations = [name for name in growth.OPERATIONS if not chosen.only or name in chosen.only]
    done = []
    if operations:
        print(report.title("growth with n"))
    for point in growth.points(operations, quick=chosen.quick):
        print(report.growth_text(point), flush=True)
        done.append(point)
    return done


if __name__ == "__main__":
    main()
