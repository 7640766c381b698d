"""What a GPU would be given to do: launches, and the bytes of the arrays that each touches."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

NO_WORK = (
    "empty",
    "empty_like",
    "asarray",
    "may_share_memory",
    "shape",
    "ndim",
    "result_type",
    "isdtype",
)


class Launch(NamedTuple):
    """One launch: whose, and the shapes of the arrays that it reads and writes.

    A kernel of ours is given addresses, so that its shapes are not known here.
    """

    name: str
    shapes: tuple


class Work:
    """Records launches while somebody asks for them."""

    def __init__(self):
        self._records = None

    @contextmanager
    def recorded(self):
        """Collect the launches of a block of code in a list."""
        self._records = records = []
        try:
            yield records
        finally:
            self._records = None

    def note(self, name, arguments=(), result=None, in_place=False):
        """Note an operation, unless it only looks at memory in another way."""
        if self._records is None or name in NO_WORK:
            return
        read = [value for value in arguments if isinstance(value, np.ndarray)]
        made = [result] if isinstance(result, np.ndarray) else []
        if not in_place and made and any(np.may_share_memory(result, value) for value in read):
            return
        self._records.append(Launch(name, tuple(value.shape for value in (*read, *made))))


work = Work()
