"""Where targets come from: one interface, one package per provider."""
