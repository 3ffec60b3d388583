"""A node in a guest as this host reaches it: its agent, its clock, its kernel."""
