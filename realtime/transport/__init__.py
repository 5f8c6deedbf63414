"""Transport: one client's connection, from its first byte to its close code."""
