"""An app of somebody else's, with a past: what migrations do to a captured table."""
