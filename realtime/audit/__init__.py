"""Audit: the ledger of who had a live copy of what, when and why, and of what was pushed."""
