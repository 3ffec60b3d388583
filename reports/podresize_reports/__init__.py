"""Reports: records in, pages out. Knows records only."""
