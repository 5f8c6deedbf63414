"""What the server is made of: the list of its packages, and what is known against them."""
