"""maha_core beside what a user would pick instead: ``nox -s bench``."""
