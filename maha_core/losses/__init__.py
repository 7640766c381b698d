"""Losses of D that can be streamed, one file each, and `Loss`, the base class of your own."""

from maha_core.losses.base import Loss
from maha_core.losses.batch_sampler import Batch, BatchSampler
from maha_core.losses.contrastive import Contrastive
from maha_core.losses.lmnn import LMNN
from maha_core.losses.mlkr import MLKR
from maha_core.losses.nca import NCA
from maha_core.losses.pairwise import Pairwise
from maha_core.losses.triplet import Triplet
from maha_core.reductions import PointData

__all__ = [
    "LMNN",
    "MLKR",
    "NCA",
    "Batch",
    "BatchSampler",
    "Contrastive",
    "Loss",
    "Pairwise",
    "PointData",
    "Triplet",
]
