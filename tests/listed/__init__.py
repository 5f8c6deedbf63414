"""An app whose own rows say who may do what: lists of access, teams, and members of projects."""
