"""Functions of symbols for writing losses."""

from typing import Any

from maha_core.expressions import NAMESPACE

xp: Any = NAMESPACE
