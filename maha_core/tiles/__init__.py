"""Tiles of D: the partition of D, the points of a tile, and the computations on one tile."""
