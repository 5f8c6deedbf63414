"""Hub: the live copies of one process, and everything that keeps them right."""
