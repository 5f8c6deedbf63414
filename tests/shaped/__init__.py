"""An app whose models have the classes, managers and relations that Django documents."""
