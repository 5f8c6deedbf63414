"""An app whose models have each form of column that Django documents."""
