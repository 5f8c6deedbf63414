"""Publishing: what committed is rendered once for each audience, and sent to its group."""
