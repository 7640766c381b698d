"""Exclude maha_core from torch.compile: it is called, not traced."""

from __future__ import annotations

import sys

PACKAGES = "maha_core", "maha_numpy", "maha_torch"
_told: list[bool] = []


def leave_out() -> None:
    """Make torch.compile break its graphs at calls of maha_core, if torch.compile is in use."""
    rules = sys.modules.get("torch._dynamo.trace_rules")
    if rules is None or _told:
        return
    _told.append(True)
    for package in PACKAGES:
        rules.add(package)
