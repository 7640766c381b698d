"""A result of every public function, for what holds of all of them."""

from __future__ import annotations

import maha_core as mc
from maha_core.testing.loss_cases import loss_case
from maha_core.testing.problem import D, Problem
from maha_core.testing.suite import Array

INDICES = ("nearest, index",)
"""Results that are not real numbers."""


def every_result(problem: Problem) -> list[tuple[str, Array]]:
    """Return arrays by the name of what made them."""
    return [*_distances(problem), *_derivatives(problem), *_objectives(problem), *_kernels(problem)]


def _distances(problem: Problem) -> list[tuple[str, Array]]:
    points, metric = problem.points, problem.metric
    listed = problem.arrays(*problem.pairs())
    found = mc.nearest(*points, k=2, metric=metric)
    return [
        ("sqdist", mc.sqdist(*points, metric=metric)),
        ("sqdist, pairs", mc.sqdist(*points, metric=metric, pairs=listed)),
        ("dist", mc.dist(*points, metric=metric)),
        ("dist, pairs", mc.dist(*points, metric=metric, pairs=listed)),
        ("nearest, sqdist", found.sqdist),
        ("nearest, index", found.index),
        ("matrix", metric.matrix()),
        ("to_factor", metric.to_factor().parameter),
        ("embed", metric.embed(points[0])),
        ("from_points", mc.Covariance.from_points(points[0]).parameter),
        ("nearest_psd", mc.Full(metric.matrix()).nearest_psd().parameter),
    ]


def _derivatives(problem: Problem) -> list[tuple[str, Array]]:
    points, metric, suite = problem.points, problem.metric, problem.suite
    i, j = problem.pairs()
    listed, g = problem.arrays(i, j), suite.array(problem.draw(len(i)))
    G = suite.array(problem.draw(*problem.shape))
    of_pairs = mc.vjp(*points, metric=metric, cotangent=g, pairs=listed, wrt=problem.wrt)
    found = [
        ("jacobian", mc.jacobian(*points, metric=metric)),
        ("jacobian_slice", mc.jacobian_slice(*points, metric=metric, index=(0, D - 1))),
        ("jvp, pairs", mc.jvp(*points, metric=metric, X_tangent=points[0], pairs=listed)),
        *((f"vjp, pairs, {name}", getattr(of_pairs, name)) for name in problem.wrt),
    ]
    for of in ("sqdist", "dist"):
        gradient = mc.vjp(*points, metric=metric, cotangent=G, wrt=problem.wrt, of=of)
        pushed = mc.jvp(*points, metric=metric, X_tangent=points[0], of=of)
        found.append((f"jvp, {of}", pushed))
        found += [(f"vjp, {of}, {name}", getattr(gradient, name)) for name in problem.wrt]
    return found


def _objectives(problem: Problem) -> list[tuple[str, Array]]:
    points, metric, wrt = problem.points, problem.metric, problem.wrt
    case = loss_case("mlkr", problem)
    value, gradient = mc.value_and_grad(case.loss, *points, metric=metric, wrt=wrt)
    product = mc.hvp(case.loss, *points, metric=metric, X_tangent=points[0], wrt=wrt)
    return [
        ("value_and_grad, value", value),
        *((f"value_and_grad, {part}", getattr(gradient, part)) for part in wrt),
        ("value", mc.value(case.loss, *points, metric=metric)),
        *((f"hvp, {part}", getattr(product, part)) for part in wrt),
    ]


def _kernels(problem: Problem) -> list[tuple[str, Array]]:
    points, metric, suite = problem.points, problem.metric, problem.suite
    n, m = problem.shape
    b, g = suite.array(problem.draw(m)), suite.array(problem.draw(n))
    kernel = mc.kernels.Matern52()
    mean, wrt = mc.reductions.SoftmaxMean(b), (*problem.wrt, "values")
    gradient = mc.reduce_vjp(mean, *points, metric=metric, cotangent=g, wrt=wrt)
    found = [
        ("kernel_matrix", mc.kernel_matrix(kernel, *points, metric=metric)),
        ("KernelOperator", mc.KernelOperator(kernel, *points, metric=metric) @ b),
        ("reduce", mc.reduce(mean, *points, metric=metric)),
        *((f"reduce_vjp, {name}", getattr(gradient, name)) for name in wrt),
    ]
    if problem.alone:
        return found
    return [
        *found,
        ("kernel_gradient", mc.kernel_gradient(kernel, *points, values=b, metric=metric)),
    ]
