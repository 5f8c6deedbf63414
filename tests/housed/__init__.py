"""An app whose own rows say what the tenants are, and who is a member."""
