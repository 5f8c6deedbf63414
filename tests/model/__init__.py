"""The hub's algorithm as a model: one subscription of one reader, everything else adversarial."""
