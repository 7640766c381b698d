"""What the Dask plugin takes: time beside the NumPy backend, memory, tasks."""
