"""Things broken on purpose, slowly."""
