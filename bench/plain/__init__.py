"""Plain Django beside Earshot: the same columns and keys, and nothing that notices a write."""
