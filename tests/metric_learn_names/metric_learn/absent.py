"""Parts of metric-learn's inside that have no counterpart: they can be imported, not called."""


def absent(name):
    def missing(*args, **kwargs):
        raise NotImplementedError(f"maha_core.learn has no {name}")

    return missing
