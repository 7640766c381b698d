"""A second plugin for NumPy arrays."""

import array_api_compat.numpy as xp

from maha_core.backend import Backend


class RivalBackend(Backend):
    """It would work, were it alone."""

    name = "rival"

    def __init__(self):
        super().__init__(xp)
