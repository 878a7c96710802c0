"""Work on other machines: places photos on the workers of a Dask cluster, and is such a worker."""
