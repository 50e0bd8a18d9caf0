"""Measurements, side by side in one run; bounded in count and time."""
