"""Finds the values of secrets.

Here: one module per place where secrets are kept.
Not here: which secrets a component needs (domain/environments), removing secrets from text (domain/security), or
passing them to a cloud (engines).
"""
