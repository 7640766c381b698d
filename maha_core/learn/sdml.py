"""Sparse determinant metric learning as scikit-learn estimators."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.covariance import GraphicalLasso

from maha_core.learn.data import refuse_foreign
from maha_core.learn.definite_matrices import factor, is_definite, power, symmetric
from maha_core.learn.pair_products import Pairs
from maha_core.learn.pairs_learner import LearnsFromPairs, PairsLearner, SupervisedPairsLearner
from maha_core.learn.priors import Prior
from maha_core.learn.tuple_parameters import NOT_NEGATIVE, POSITIVE, WITH_PRIOR
from maha_core.learn.tuples import Tuples

Array = Any
Labels = NDArray[np.int64]
Matrix = NDArray[np.float64]

GAP = 1e-7
"""The duality gap at which the graphical lasso stops."""

INNER_GAP = 1e-9
"""That of the regressions inside it: with scikit-learn's 1e-4 the outer gap may stay above 1e-7."""

SWEEPS = 1000


class LearnsBySparsity(LearnsFromPairs):
    """The algorithm, whichever way the pairs come."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **WITH_PRIOR,
        "balance_param": NOT_NEGATIVE,
        "sparsity_param": POSITIVE,
        "verbose": ["verbose"],
    }

    balance_param: float
    sparsity_param: float
    prior: Any
    verbose: Any
    random_state: Any

    def _learn(self, pairs: Tuples, labels: Labels, **given: Any) -> None:
        refuse_foreign(self, pairs.X, "pairs", "scikit-learn's graphical lasso does")
        M0 = Prior("prior", self.prior, self.random_state).matrix(pairs)
        scatter = Pairs.of(pairs).scatter(labels.astype(np.float64))
        S = symmetric(power(M0, -1.0) + self.balance_param * scatter)
        self._keep_components(factor(self._lasso(S)), pairs.X)

    def _lasso(self, S: Matrix) -> Matrix:
        """Return the minimiser of ``tr(M S) - log det M`` plus the penalty off the diagonal."""
        advice = (
            f"the prior's inverse plus balance_param={self.balance_param:g} times the scatter of "
            "the pairs is not positive definite, and the loss may have no minimum; choose a "
            "smaller balance_param, of the size of 1 over the number of pairs"
        )
        if np.diag(S).min() <= 0:  # D of one column falls without end
            raise ValueError(f"{type(self).__name__}: {advice}")
        M = np.diag(1 / np.diag(S))
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                if not is_definite(S):  # what then fails is told below
                    warnings.simplefilter("ignore")
                for rows in connected_columns(S, self.sparsity_param):
                    block = np.ix_(rows, rows)
                    M[block] = self._block(S[block])
        except FloatingPointError as error:
            raise ValueError(f"{type(self).__name__}: {advice}") from error
        if not np.isfinite(M).all() or not is_definite(symmetric(M)):
            raise ValueError(f"{type(self).__name__}: {advice}")
        return symmetric(M)

    def _block(self, S: Matrix) -> Matrix:
        lasso = GraphicalLasso(
            self.sparsity_param,
            covariance="precomputed",
            tol=GAP,
            enet_tol=INNER_GAP,
            max_iter=SWEEPS,
            verbose=bool(self.verbose),
        )
        M: Matrix = lasso.fit(S).precision_
        return M


def connected_columns(S: Matrix, penalty: float) -> list[NDArray[np.int64]]:
    """Return the groups of two and more columns of which the minimiser M is made.

    They are connected by entries of S larger than the penalty. Between them M is 0, and within each
    it is what that group alone has: Mazumder & Hastie 2012, "Exact Covariance Thresholding into
    Connected Components for Large-Scale Graphical Lasso".
    """
    larger = np.abs(S) > penalty
    np.fill_diagonal(larger, False)
    if not larger.any():
        return []
    _, group = connected_components(csr_array(larger), directed=False)
    sizes = np.bincount(group)
    rows = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    return [rows[number] for number in np.flatnonzero(sizes > 1)]


class SDML(LearnsBySparsity, PairsLearner):
    """Learn a sparse matrix M, near a prior, under which alike pairs are near and others far.

    It minimises ``tr(M M0^-1) - log det M + balance_param sum_p y_p D_p + sparsity_param |M|_1``,
    the last over the entries off the diagonal.

    Parameters
    ----------
    balance_param : float
        Weight of the pairs relative to the prior. The sum over pairs has no lower bound: too large
        a weight is a ValueError.
    sparsity_param : float
        Weight of the sizes of M's entries; the larger, the more of them are 0.
    prior : {"identity", "covariance", "random"} or array (d, d)
        M0.
    verbose : int
        Show the output of scikit-learn's graphical lasso.
    preprocessor : array (n, d) or callable, optional
        Points by number, or a function that returns the points of indicators.
    random_state : int, RandomState, optional
        For ``prior="random"``.

    Attributes
    ----------
    components_ : array (d, d)
        A linear map A with ``A^T A = M``, of the points' dtype.
    metric_ : Factor
        The learned metric, for every function of maha_core.
    threshold_ : float
        The distance up to which `predict` calls a pair alike.
    n_features_in_ : int
        d.

    Notes
    -----
    It takes time O(p d^2) for p pairs, and what `sklearn.covariance.GraphicalLasso` takes for each
    group of columns that is connected by entries larger than `sparsity_param` of the matrix S with
    ``tr(M S)`` in the loss. metric-learn stops that at a gap of 1e-4, and here it is 1e-7. Qi,
    Tang, Zha, Chua & Zhang 2009, "An Efficient Sparse Metric Learning in High-Dimensional Space via
    L1-Penalized Log-Determinant Regularization".

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.learn import SDML
    >>> pairs = np.array([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])
    >>> SDML(balance_param=0.5).fit(pairs, [1, -1]).get_mahalanobis_matrix().round(4)
    array([[0.6667, 0.    ],
           [0.    , 2.    ]])
    """

    def __init__(
        self,
        balance_param: float = 0.5,
        sparsity_param: float = 0.01,
        prior: Any = "identity",
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.balance_param = balance_param
        self.sparsity_param = sparsity_param
        self.prior = prior
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state


class SDML_Supervised(LearnsBySparsity, SupervisedPairsLearner):  # noqa: N801 as others
    """`SDML` with pairs drawn from labelled points.

    Parameters
    ----------
    balance_param, sparsity_param, prior, verbose, preprocessor
        As those of `SDML`.
    n_constraints : int, optional
        Pairs of each kind; ``20 C^2`` for C classes if not given, or as many as there are.
    random_state : int, RandomState, optional
        Draws the pairs, and a random prior.

    Attributes
    ----------
    components_, metric_, n_features_in_
        As those of `SDML`.
    feature_names_in_ : array (d,)
        Names of the columns, where X had any.

    Notes
    -----
    As `SDML`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from maha_core.learn import SDML_Supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> SDML_Supervised(balance_param=1e-4, random_state=0).fit_transform(X, y).shape
    (150, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LearnsBySparsity._parameter_constraints,
        **SupervisedPairsLearner._parameter_constraints,
    }

    def __init__(
        self,
        balance_param: float = 0.5,
        sparsity_param: float = 0.01,
        prior: Any = "identity",
        n_constraints: int | None = None,
        verbose: Any = False,
        preprocessor: Any = None,
        random_state: Any = None,
    ) -> None:
        self.balance_param = balance_param
        self.sparsity_param = sparsity_param
        self.prior = prior
        self.n_constraints = n_constraints
        self.verbose = verbose
        self.preprocessor = preprocessor
        self.random_state = random_state
