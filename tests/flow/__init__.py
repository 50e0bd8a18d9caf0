"""Several pieces together, on real files and real servers."""
