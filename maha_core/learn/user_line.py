"""Warnings that point at the user's line, however many calls of libraries are between."""

from __future__ import annotations

import sys
import warnings

LIBRARIES = ("maha_core", "sklearn", "joblib")
"""A pipeline or a search calls `fit` for its user."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside of these libraries that led here."""
    warnings.warn(message, category, stacklevel=_levels())


def _levels() -> int:
    """Return the user's level above `warn`, counted from 1; the outermost where there is none."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _of_library(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    return level


def _of_library(module: str) -> bool:
    return module.partition(".")[0] in LIBRARIES
