"""Everything in one terminal: the daemons together, the sample application, the demo, and their story."""
