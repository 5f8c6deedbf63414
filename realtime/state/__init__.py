"""State: what a socket holds and may be sent, decided without I/O and without Django."""
