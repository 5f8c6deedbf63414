"""From measured costs to a large deployment: a seeded simulation; `docs/scale.md` shows it."""
