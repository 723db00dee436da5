"""Stacks, resources, blueprints and deployments, and the rules that they obey.

Imports the standard library, pydantic and the published events only: no I/O, no clock, no SDK, no cloud's own rules.
"""
