"""Identities, permissions and secrets by reference, and the redaction of secret values."""
