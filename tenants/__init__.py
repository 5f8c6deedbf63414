"""Who you are and where: users, tenants, memberships, credentials, scoping."""
