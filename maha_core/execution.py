"""How work on a library's arrays is run: device, threads, and floating-point warnings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from maha_core.progress import shown

if TYPE_CHECKING:
    from maha_core.options import Options

Array = Any
Item = TypeVar("Item")
Result = TypeVar("Result")
Context = AbstractContextManager[object]


class Execution:
    """Contexts for work on arrays, and an ordered map."""

    def on_device_of(self, value: Array) -> Context:
        """Return the context for work on a value's device."""
        return nullcontext()

    def working(self, options: Options, size: int) -> Context:
        """Return the context that holds during one operation of `size` multiplications."""
        return nullcontext()

    def quiet(self) -> Context:
        """Return a context without the library's warnings on floating-point arithmetic."""
        numpy = sys.modules.get("numpy")  # libraries based on NumPy arrays warn as NumPy does
        return nullcontext() if numpy is None else cast(Context, numpy.errstate(all="ignore"))

    def map_ordered(
        self, function: Callable[[Item], Result], items: Sequence[Item], options: Options
    ) -> Iterator[Result]:
        """Yield ``function(item)`` in the order of the items."""
        return shown(map(function, items), len(items), options.progress)
