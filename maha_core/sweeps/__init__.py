"""The operations, streamed over tiles: written once for all backends."""
