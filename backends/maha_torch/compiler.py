"""What torch.compile is told: maha_core is called, and not traced."""

from __future__ import annotations

import sys

PACKAGES = "maha_core", "maha_numpy", "maha_torch"
_told: list[bool] = []


def leave_out() -> None:
    """Let torch.compile break its graphs at calls of maha_core, if it is in use at all."""
    rules = sys.modules.get("torch._dynamo.trace_rules")
    if rules is None or _told:
        return
    _told.append(True)
    for package in PACKAGES:
        rules.add(package)
