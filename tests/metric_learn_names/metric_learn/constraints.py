from maha_core.learn.constraints import Constraints

__all__ = ["Constraints"]
