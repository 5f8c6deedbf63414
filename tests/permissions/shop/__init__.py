"""An app whose table has a constraint of each kind."""
