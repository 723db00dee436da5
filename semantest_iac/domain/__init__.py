"""What a stack, a resource, a blueprint and a deployment are and may do.

Standard library, pydantic and the published events only: no I/O, no clock, no SDK."""
