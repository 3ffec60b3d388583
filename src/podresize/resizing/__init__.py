"""One resize: from a running pod and a change to a timeline and its verdicts."""
