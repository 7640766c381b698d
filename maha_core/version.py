"""Which version of maha_core this is."""

from importlib import metadata

DISTRIBUTION = "maha-core"


def version() -> str:
    """Return the installed version; where only the source is on the path, a note of that."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0+not.installed"
