"""A loss on its way to the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cloudpickle

from maha_dask.tasks.isolation import task

if TYPE_CHECKING:
    from maha_core.losses import Loss


class Carried:
    """A loss that is unpickled inside a task.

    What a task is made of is unpickled before it runs, and where that fails, for a function of a
    module that workers lack, distributed waits for good. Here it is the task that fails.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss: Loss | None = loss
        self._pickled: bytes | None = None

    def __getstate__(self) -> bytes:
        if self._pickled is None:
            self._pickled = cloudpickle.dumps(self._loss)
        return self._pickled

    def __setstate__(self, pickled: bytes) -> None:
        self._loss, self._pickled = None, pickled

    def unpacked(self) -> Loss:
        """Return the loss."""
        if self._loss is None:
            self._loss = cloudpickle.loads(self._pickled)
        return self._loss


@task
def loss(carried: Carried) -> Loss:
    """Return a loss, which many tasks need."""
    try:
        return carried.unpacked()
    except (ImportError, AttributeError) as error:
        error.add_note(
            "while unpickling the loss: what it is made of must be importable on every worker; "
            "install it there, or send it with client.upload_file"
        )
        raise
