"""The floors on a GPU, by device events: ``python -m benchmarks.gpu``."""
