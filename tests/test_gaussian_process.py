"""examples/gaussian_process.py: GPyTorch on products of a kernel's matrix that never exists."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
gpytorch = pytest.importorskip("gpytorch")
sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
gaussian_process = pytest.importorskip("gaussian_process")

pytestmark = pytest.mark.filterwarnings("ignore")  # GPyTorch's own


@pytest.fixture
def model():
    torch.manual_seed(0)
    X, y = (t.double() for t in gaussian_process.data(60, d=4))
    return gaussian_process.Model(X, y, k=2).double(), X, y


def likelihood(model, X, y):
    return gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)(model(X), y)


def formula(model, X, y):
    """Return the log marginal likelihood a point of dense matrices, Rasmussen and Williams 2.30."""
    A = model.kernel.base_kernel.A
    Z = X @ A.T
    K = torch.exp(-((Z[:, None] - Z[None]) ** 2).sum(-1) / 2)
    C = model.kernel.outputscale * K + model.likelihood.noise * torch.eye(len(X)).double()
    normal = torch.distributions.MultivariateNormal(torch.zeros(len(X)).double(), C)
    return normal.log_prob(y) / len(X)


def test_the_likelihood_and_its_gradients_are_those_of_dense_matrices(model):
    model, X, y = model
    model.train()
    parameters = list(model.parameters())
    found = likelihood(model, X, y)
    expected = formula(model, X, y)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    pairs = zip(
        torch.autograd.grad(found, parameters),
        torch.autograd.grad(expected, parameters),
        strict=True,
    )
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


def test_iterative_solutions_learn_without_a_matrix():
    torch.manual_seed(0)
    X, y = gaussian_process.data(300, d=4)
    with gaussian_process.without_matrices():
        model = gaussian_process.fit(X[:250], y[:250], k=2, steps=15)
        error = gaussian_process.predict(model, X[250:]) - y[250:]
    assert float(error.square().mean()) < float(y.var()) / 4
