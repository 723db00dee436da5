"""Turns options and configuration into requests, and accepts or refuses each request once.

Carrying out an accepted request belongs to deployment."""
