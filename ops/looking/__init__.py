"""Looking without touching: what a match went through, and how everything stands, as plain values."""
