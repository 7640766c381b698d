"""torch tensors: on the CPU in NumPy's memory, elsewhere by the array API standard."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import numpy as np
import torch

from maha_core.door import Door

Array = Any


class TorchBackend(Door):
    """Everything that maha_core computes, on torch tensors.

    Examples
    --------
    >>> import torch, maha_core as mc
    >>> mc.sqdist(torch.tensor([[0.0], [3.0]]))
    tensor([[0., 9.],
            [9., 0.]])
    """

    name = "torch"

    def __init__(self) -> None:
        super().__init__(xp)

    def owns(self, value: object) -> bool:
        """Tell whether a value is a tensor."""
        return isinstance(value, torch.Tensor)

    def version(self) -> str:
        """Return torch's version."""
        return str(torch.__version__)

    def devices(self) -> list[str]:
        """Name the devices with memory."""
        return ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]

    def lends(self, value: Array) -> bool:
        """Tell whether a tensor lives on the CPU."""
        return bool(value.device.type == "cpu")

    def lent(self, value: Array) -> Array:
        """Return a NumPy array in a tensor's memory."""
        # DLPack would drop the bit that says that the numbers are to be negated.
        return value.detach().resolve_neg().numpy()

    def taken(self, value: Array, like: Array) -> Array:
        """Return a tensor in a NumPy array's memory, where torch takes such memory."""
        value = np.asarray(value)
        if not value.flags.writeable or any(stride < 0 for stride in value.strides):
            value = value.copy()
        return torch.from_numpy(value)

    def check_writable(self, value: Array, argument: str) -> None:
        """Raise ValueError for a tensor whose memory does not hold each of its numbers."""
        if value.is_neg():
            raise ValueError(
                f"{argument} has its negative bit set: its memory holds the negatives of its "
                f"numbers; pass {argument}.resolve_neg()"
            )
        if any(n > 1 and not step for n, step in zip(value.shape, value.stride(), strict=True)):
            raise ValueError(
                f"{argument} is an expanded tensor, several of whose entries share one place in "
                f"memory; pass {argument}.contiguous()"
            )

    def written(self, value: Array) -> None:
        """Let autograd know that a tensor was written: what it kept of it is out of date."""
        torch.autograd.graph.increment_version(value)
