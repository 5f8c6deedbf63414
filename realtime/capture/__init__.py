"""Capture: triggers of the database that write the logs in the transaction of their cause."""
