from maha_core.learn.tuple_classifiers import PairsClassifier as _PairsClassifierMixin
from maha_core.learn.tuple_classifiers import QuadrupletsClassifier as _QuadrupletsClassifierMixin
from maha_core.learn.tuple_classifiers import TripletsClassifier as _TripletsClassifierMixin

from .absent import absent


class MahalanobisMixin:
    """A base that tests write before a mixin which is a whole learner here."""


ArrayIndexer = absent("ArrayIndexer")

__all__ = [
    "ArrayIndexer",
    "MahalanobisMixin",
    "_PairsClassifierMixin",
    "_QuadrupletsClassifierMixin",
    "_TripletsClassifierMixin",
]
