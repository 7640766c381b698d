"""The torch plugin of maha_core; on the CPU, NumPy's engine computes."""

from maha_torch.backend import TorchBackend

__all__ = ["TorchBackend"]
