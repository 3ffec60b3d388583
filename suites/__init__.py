"""The checks: a folder per subject, a file per behaviour."""
