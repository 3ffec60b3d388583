"""One update of a container's resources by CRI: what was seen, and what is said of it."""
