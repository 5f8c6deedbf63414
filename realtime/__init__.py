"""Realtime: how what may be seen reaches those who may see it.

Rooms, each of which imports only what stands left of it:
state <- capture <- audit <- publishing <- hub <- transport.
"""
