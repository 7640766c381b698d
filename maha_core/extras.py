"""The extras of maha_core, which install further libraries."""


def install(extra: str) -> str:
    """Return the command that installs an extra, from the repository.

    Examples
    --------
    >>> install("learn")
    'pip install ".[learn]"'
    """
    return f'pip install ".[{extra}]"'


def missing(needs: str, library: str, extra: str) -> str:
    """Return the error message for a missing library that an extra installs."""
    return (
        f"{needs} needs {library}, which is not installed: {install(extra)} in maha_core's folder"
    )
