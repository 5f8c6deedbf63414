"""An app whose models have keys of every type."""
