"""The promises, and what tries to break them."""
