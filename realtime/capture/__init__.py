"""Capture: what the database notes of every write, and how a process learns of it."""
