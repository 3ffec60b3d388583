"""Root of the tests. The fixtures come from the installed plugin (entry point ``podresize``)."""
