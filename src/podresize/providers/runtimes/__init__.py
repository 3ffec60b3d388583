"""A container runtime alone: one that is started for the run, or one that is there."""
