"""One tile of D: how D is cut, the points that meet in a tile, and what is done there."""
