"""People and processes: everything that opens, starts, shows or stops something."""
