"""Tasks in named layers, and Dask arrays on top of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
from dask._task_spec import List, Task, TaskRef
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

Index = tuple[int, ...]
FAN_IN = 8
"""The number of results that one task combines."""


def layer_name(kind: str, *content: object) -> str:
    """Return a name that Dask's progress bars and dashboard show as ``maha-<kind>``."""
    return f"maha-{kind}-{tokenize(*content)}"


class Graph:
    """The tasks of one operation, on top of the arrays that it reads.

    Parameters
    ----------
    token : str
        Identifies this operation on these inputs.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._layers: dict[str, dict[Any, Task]] = {}
        self._read_by: dict[str, set[str]] = {}
        self._sources: dict[str, da.Array] = {}

    def name(self, kind: str) -> str:
        """Return the name of one of the operation's own layers."""
        return f"maha-{kind}-{self.token}"

    def add(self, kind: str, index: Index, function: Callable[..., Any], *args: object) -> TaskRef:
        """Add a task, and return the reference to its result; lists may hold references."""
        return self.add_to(self.name(kind), index, function, *args)

    def add_to(self, name: str, index: Index, function: Any, *args: object) -> TaskRef:
        """Add a task to a layer of any name."""
        key: Any = (name, *index)
        given = [List(*arg) if isinstance(arg, list) else arg for arg in args]
        task = Task(key, function, *given, block=index)
        self._layers.setdefault(name, {})[key] = task
        self._read_by.setdefault(name, set()).update(read[0] for read in task.dependencies)
        return TaskRef(key)

    def chunk(self, source: da.Array, *index: int) -> TaskRef:
        """Return the reference to a chunk of an array that the operation reads."""
        self._sources[source.name] = source
        return TaskRef((source.name, *index))

    def tree(
        self,
        kind: str,
        index: Index,
        parts: Sequence[TaskRef],
        function: Callable[..., Any],
        *more: object,
    ) -> TaskRef:
        """Combine results in order, as a tree whose shape depends only on their number."""
        level, parts = 0, list(parts)
        while True:
            groups = [parts[at : at + FAN_IN] for at in range(0, len(parts), FAN_IN)]
            parts = [
                self.add(kind, (*index, level, at), function, group, *more)
                for at, group in enumerate(groups)
            ]
            if len(parts) == 1:
                return parts[0]
            level += 1

    def from_left(
        self,
        kind: str,
        index: Index,
        parts: Sequence[TaskRef],
        function: Callable[..., Any],
        *before: object,
    ) -> TaskRef:
        """Combine results from left to right, a few in each task."""
        last: list[TaskRef] = []
        for at in range(0, len(parts), FAN_IN):
            group = [*last, *parts[at : at + FAN_IN]]
            last = [self.add(kind, (*index, at), function, *before, group)]
        return last[0]

    def array(self, kind: str, chunks: tuple[tuple[float, ...], ...], meta: Any) -> da.Array:
        """Return the array whose chunks are the results of a layer."""
        return da.Array(self._complete(), self.name(kind), chunks, meta=meta)

    def _complete(self) -> HighLevelGraph:
        below = HighLevelGraph.merge(
            *(source.__dask_graph__() for source in self._sources.values())
        )
        dependencies = {name: read - {name} for name, read in self._read_by.items()}
        return HighLevelGraph(
            {**below.layers, **self._layers}, {**below.dependencies, **dependencies}
        )
