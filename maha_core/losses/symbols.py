"""The functions of which losses are written."""

from typing import Any

from maha_core.expressions import NAMESPACE

xp: Any = NAMESPACE
