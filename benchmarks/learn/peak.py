"""The peak of resident memory above the inputs, of a function in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")


def elsewhere(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module and return what it prints as JSON in its last line."""
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(run: Callable[[], object]) -> dict[str, Any]:
    """Run a function that has been warmed up; return its seconds and bytes at most above now."""
    Path("/proc/self/clear_refs").write_text("5")
    before, start = _resident("VmRSS"), time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_bytes": max(0, _resident("VmHWM") - before)}


def _resident(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)
