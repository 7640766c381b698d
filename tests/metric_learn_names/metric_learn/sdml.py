from maha_core.learn.sdml import LearnsBySparsity as _BaseSDML

__all__ = ["_BaseSDML"]
