"""Passes over tiles that numba compiles, where it is installed (the extra ``[fast]``)."""
