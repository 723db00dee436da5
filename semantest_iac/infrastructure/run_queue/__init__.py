"""The run queue port: who may work on a stack, and who waits.

Knows stacks by name and nothing of what a run does."""
