"""Identities, policies, secrets by reference, and the removal of secrets from text."""
