"""The operations, streamed over tiles: written once, with a Backend doing what libraries do."""
