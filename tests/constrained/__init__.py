"""An app whose model has every kind of constraint that Django documents."""
