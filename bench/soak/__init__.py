"""A soak: real servers, some hundreds of sockets, random writers, faults, and a verdict."""
