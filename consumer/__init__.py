"""Messages go out: plan, send, settle, and remember."""
