"""The positions of blocks in D, which may be known only when computing."""

from __future__ import annotations

from dask._task_spec import TaskRef

from maha_dask.operation import Operation
from maha_dask.points import Side
from maha_dask.tasks import places
from maha_dask.tasks.block_terms import Place


class Places:
    """The places of an operation's blocks.

    If sizes of chunks are not known, every chunk is computed before the first pair.
    """

    def __init__(self, op: Operation) -> None:
        self.op = op
        self.first = op.columns.worth_visiting[0]
        self.known = op.X.is_known and op.columns.is_known
        if not self.known:
            self.rows = self._sizes("rows", op.X)
            self.columns = self.rows if op.Y is None else self._sizes("columns", op.Y)

    def refuse_without_partner(self, loss_name: str) -> None:
        """Add a check for rows without a partner, if only the workers know the sizes."""
        if not self.known:
            self_pairs = self.op.Y is None
            given = (self.columns, self.rows, self_pairs, loss_name)
            self.columns = self.op.graph.add("partners", (), places.with_partners, *given)

    def of(self, row: int, column: int) -> Place | TaskRef:
        """Return the place of a block, or the task that computes it."""
        op = self.op
        if self.known:
            start = int(op.X.starts[row]), int(op.columns.starts[column])
            return Place(*start, column == self.first)
        return op.graph.add(
            "place", (row, column), places.place, self.rows, self.columns, row, column
        )

    def _sizes(self, which: str, side: Side) -> TaskRef:
        graph = self.op.graph
        found = [
            graph.add(f"size-of-{which}", (block,), places.size, side.chunks[block])
            for block in side.blocks
        ]
        return graph.add(f"sizes-of-{which}", (), places.sizes, found)
