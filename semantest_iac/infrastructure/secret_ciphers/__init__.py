"""Ciphers of the secrets in states."""
