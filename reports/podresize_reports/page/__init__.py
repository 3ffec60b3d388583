"""What the page of a run shows, computed from the records: no markup in here."""
