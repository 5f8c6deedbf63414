"""Permissions: what somebody may see, by audience, and what may be granted to whom."""
