"""People and processes: the composition root, the commands, the embedded server, the sandbox."""
