"""A plugin whose library is not installed."""

import missing_engine

from maha_core.backend import Backend


class BrokenBackend(Backend):
    """Never reached."""

    def __init__(self):
        super().__init__(missing_engine)
