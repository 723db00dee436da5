"""What the Pulumi backend holds: where it is and how it is encrypted, the state of a stack, and the CLI's locks.

Not here: processes, and anything that imports Pulumi."""
