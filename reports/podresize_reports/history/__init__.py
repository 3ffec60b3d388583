"""What was seen on each stack, run after run: a database, and what changed since the last time."""
