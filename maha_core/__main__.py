"""``python -m maha_core``: which backends work on this machine, and why not."""

from maha_core.inventory import backends


def main() -> None:
    """Print the table of backends."""
    print(backends(check=True))


if __name__ == "__main__":
    main()
