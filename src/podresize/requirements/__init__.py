"""The catalogue: what is required, of whom, and where stacks are known to depart from it."""
