"""What the application reports by HTTP: a message was opened, a match came to what it was for."""
