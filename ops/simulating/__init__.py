"""A world without databases: people who speak, matches that come, WeChat's windows, and the real planner."""
