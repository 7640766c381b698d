"""Inputs of public reports on torch.cdist, whose distances or gradients are wrong there.

The oracle is the plain difference of points in long double.
"""

import numpy as np
import pytest

import maha_core as mc

torch = pytest.importorskip("torch")


def differences(X, Y):
    X, Y = (t.detach().numpy().astype(np.longdouble) for t in (X, Y))
    return X[:, None] - Y[None]


def exact(X, Y):
    return np.sqrt((differences(X, Y) ** 2).sum(-1))


def gradient_of_distances(X, Y):
    """Return the gradient in X of the sum of distances, 0 where points coincide."""
    delta, dist = differences(X, Y), exact(X, Y)
    apart = dist > 0
    return (delta * (apart / np.where(apart, dist, 1))[..., None]).sum(1)


def random(*shape, dtype=torch.float64, seed=0):
    return torch.tensor(np.random.default_rng(seed).random(shape), dtype=dtype)


CASES = {
    "1 and 1 + 1e-8": (torch.ones(30, 1).double(), torch.full((30, 1), 1 + 1e-8).double()),
    "109 points far from the origin": (random(109, 3, dtype=torch.float32) + 1000, None),
    "40 points at 1e4": (random(40, 3, dtype=torch.float32) + 1e4, None),
    "points in steps of 1e-9": (1 + torch.arange(30).double()[:, None] * 1e-9, None),
    "a transposed tensor": (random(3, 40).T, random(3, 30, seed=1).T),
    "every other row": (random(80, 3)[::2], random(60, 3, seed=1)[::2]),
    "one point many times": (torch.full((30, 3), 0.1).double(), None),
}


def both(name):
    X, Y = CASES[name]
    return X.clone().requires_grad_(), X.clone() if Y is None else Y


@pytest.mark.parametrize("name", CASES)
def test_distances_are_right(name):
    X, Y = both(name)
    expected = exact(X, Y)
    few = 8 * np.finfo(X.detach().numpy().dtype).eps
    found = mc.dist(X, Y).detach().numpy()
    np.testing.assert_allclose(found, expected.astype(float), rtol=few, atol=few * expected.max())


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_right(name):
    X, Y = both(name)
    mc.dist(X, Y).sum().backward()
    rounding = 64 * np.finfo(X.detach().numpy().dtype).eps * len(Y)
    expected = gradient_of_distances(X, Y).astype(float)
    np.testing.assert_allclose(X.grad.numpy(), expected, rtol=rounding, atol=rounding)


def test_a_distance_of_two_close_points_among_many_has_a_unit_gradient():
    X = random(40, 3)
    X[1] = X[0] + 1e-9
    X.requires_grad_()
    mc.dist(X)[0, 1].backward()
    assert abs(float(X.grad[0].norm()) - 1) < 1e-6


def test_a_cotangent_may_be_transposed_or_expanded():
    X, Y, G = random(4, 3).requires_grad_(), random(4, 3, seed=1), random(4, 4, seed=2)
    for given in (G.T, torch.ones(1, 1).double().expand(4, 4)):
        (found,) = torch.autograd.grad(mc.dist(X, Y), X, given)
        (plain,) = torch.autograd.grad(mc.dist(X, Y), X, given.contiguous())
        assert torch.equal(found, plain)


@pytest.mark.parametrize("rows", [(0, 3), (3, 0), (0, 0)])
def test_empty_inputs_have_empty_results_and_zero_gradients(rows):
    X, Y = (torch.ones(n, 3, dtype=torch.float64, requires_grad=True) for n in rows)
    found = mc.dist(X, Y)
    assert found.shape == rows
    found.sum().backward()
    for tensor in (X, Y):
        assert torch.equal(tensor.grad, torch.zeros_like(tensor))


@pytest.mark.parametrize("n", [3, 30])
def test_second_derivatives_are_there_for_few_points_and_for_many(n):
    """Of sum |x - y|^2 the gradient is 2 sum_j (x_i - y_j), and the Hessian 2 m times identity."""
    X, Y = random(n, 3).requires_grad_(), random(n, 3, seed=1)
    (gradient,) = torch.autograd.grad(mc.dist(X, Y).square().sum(), X, create_graph=True)
    (product,) = torch.autograd.grad(gradient.sum(), X)
    torch.testing.assert_close(product, torch.full_like(X, 2.0 * n))
