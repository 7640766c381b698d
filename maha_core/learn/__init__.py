"""Metric learning as scikit-learn estimators, one file each, in memory linear in n.

They take NumPy arrays and whatever scikit-learn itself converts, and most take arrays of any other
library that maha_core serves, which are never converted: data, distances and gradients stay where
they are.
"""

from maha_core.extras import missing

try:
    import scipy  # noqa: F401
    import sklearn  # noqa: F401
except ModuleNotFoundError as error:
    name = error.name or ""
    library = {"sklearn": "scikit-learn", "scipy": "SciPy"}.get(name, name)
    message = missing("maha_core.learn", library, "learn")
    raise ModuleNotFoundError(message, name=name) from error

from maha_core.learn.class_distances import ClassDistances
from maha_core.learn.constraints import Constraints
from maha_core.learn.covariance import Covariance
from maha_core.learn.dmlmj import DMLMJ
from maha_core.learn.gaussian_process import GaussianProcess
from maha_core.learn.gmml import GMML, GMML_Supervised
from maha_core.learn.itml import ITML, ITML_Supervised
from maha_core.learn.kernel_ridge import KernelRidge
from maha_core.learn.lfda import LFDA
from maha_core.learn.lmnn import LMNN
from maha_core.learn.lsml import LSML, LSML_Supervised
from maha_core.learn.mlkr import MLKR
from maha_core.learn.mmc import MMC, MMC_Supervised
from maha_core.learn.nca import NCA
from maha_core.learn.neighbors import MahalanobisNeighbors
from maha_core.learn.outliers import MahalanobisOutliers
from maha_core.learn.rca import RCA, RCA_Supervised
from maha_core.learn.rfm import RFM, RFMClassifier
from maha_core.learn.scml import SCML, SCML_Supervised
from maha_core.learn.sdml import SDML, SDML_Supervised

__all__ = [
    "DMLMJ",
    "GMML",
    "ITML",
    "LFDA",
    "LMNN",
    "LSML",
    "MLKR",
    "MMC",
    "NCA",
    "RCA",
    "RFM",
    "SCML",
    "SDML",
    "ClassDistances",
    "Constraints",
    "Covariance",
    "GMML_Supervised",
    "GaussianProcess",
    "ITML_Supervised",
    "KernelRidge",
    "LSML_Supervised",
    "MMC_Supervised",
    "MahalanobisNeighbors",
    "MahalanobisOutliers",
    "RCA_Supervised",
    "RFMClassifier",
    "SCML_Supervised",
    "SDML_Supervised",
]
