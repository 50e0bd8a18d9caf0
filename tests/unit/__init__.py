"""One piece at a time, nothing outside the process."""
