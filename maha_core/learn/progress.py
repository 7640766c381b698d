"""What `verbose` shows: a bar where tqdm is installed, else lines of text."""

from __future__ import annotations

import time
from typing import Any, Protocol


class Progress(Protocol):
    """The interface by which an optimiser reports every iteration."""

    def show(self, iteration: int, loss: float, further: float) -> None:
        """Show one finished iteration."""

    def close(self) -> None:
        """End the display."""


def progress(
    name: str, verbose: int, max_iter: int, unit: str = "iteration", further: str = "gradient"
) -> Progress:
    """Return what shows the progress of an estimator called `name`.

    `further` is what is shown beside the loss.
    """
    if not verbose:
        return Silence()
    try:
        from tqdm import tqdm
    except ImportError:
        return Lines(name, unit, further)
    return Bar(tqdm(total=max_iter, desc=name, unit=unit), further)


class Silence:
    """Nothing is shown."""

    def show(self, iteration: int, loss: float, further: float) -> None: ...

    def close(self) -> None: ...


class Bar:
    """A bar of tqdm with the loss and a further number behind it."""

    def __init__(self, bar: Any, further: str) -> None:
        self.bar = bar
        self.further = further

    def show(self, iteration: int, loss: float, further: float) -> None:
        """Move the bar on."""
        self.bar.set_postfix_str(f"loss={loss:.6g}, {self.further}={further:.2g}", refresh=False)
        self.bar.update(iteration - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class Lines:
    """A line per iteration, in the manner of scikit-learn."""

    def __init__(self, name: str, unit: str, further: str) -> None:
        self.name = name
        self.start = time.perf_counter()
        print(  # noqa: T201
            f"[{self.name}] {unit.capitalize():>10} {'Loss':>20} {further.capitalize():>14} "
            f"{'Time(s)':>10}"
        )

    def show(self, iteration: int, loss: float, further: float) -> None:
        """Print a line."""
        elapsed = time.perf_counter() - self.start
        print(  # noqa: T201
            f"[{self.name}] {iteration:>10} {loss:>20.6e} {further:>14.3e} {elapsed:>10.2f}",
            flush=True,
        )

    def close(self) -> None: ...
