"""The torch plugin of maha_core: tensors on the CPU are computed on by NumPy's engine."""

from maha_torch.backend import TorchBackend

__all__ = ["TorchBackend"]
