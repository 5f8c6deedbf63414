"""Resources: what there is to see; a resource type is a folder here, and nothing below knows it."""
