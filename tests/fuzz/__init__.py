"""Random calls of the public functions against brute force, in every array library.

`drawing` draws points, metrics and the way in which arrays lie in memory; `script` writes a call as
a script that anybody can paste, which is what runs; `calls` draws the arguments of each function
and knows what docs/accuracy.md promises of its result. ``python -m fuzz`` runs them by the clock.
"""
