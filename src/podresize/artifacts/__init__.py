"""A version in, verified files out."""
