"""What a runtime can do wrong, by name: behind a tap a good runtime becomes a bad one."""
