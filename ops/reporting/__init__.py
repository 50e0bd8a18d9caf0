"""Reports: what became of messages, counted by group, and what the counts allow to say."""
