"""Adam: gradient steps whose size does not depend on the scale of the gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MEMORY = 0.9, 0.999
"""How much of the mean of gradients, and of their squares, a step keeps: the paper's values."""

SMALLEST = 1e-8
"""What is added to the root of the squares' mean, relative to the largest one."""


class Adam:
    """Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization"."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.mean = np.zeros(shape)
        self.square = np.zeros(shape)
        self.n_steps = 0

    def step(self, gradient: Matrix) -> Matrix:
        """Return the direction of a step, with entries of about 1, from the next gradient."""
        first, second = MEMORY
        self.n_steps += 1
        self.mean += (1 - first) * (gradient - self.mean)
        self.square += (1 - second) * (gradient**2 - self.square)
        mean = self.mean / (1 - first**self.n_steps)
        root = np.sqrt(self.square / (1 - second**self.n_steps))
        largest = root.max(initial=0.0)
        return -mean / (root + SMALLEST * largest) if largest else np.zeros_like(mean)
