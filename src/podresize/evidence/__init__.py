"""What was seen and what it means: timelines, observers, verdicts, records."""
