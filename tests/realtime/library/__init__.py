"""An app of these tests' own, installed for a test: see the fixture `library`."""
