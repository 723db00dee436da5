"""The published language: every event that enters or leaves `semantest_iac`.

Here: event classes, the values in them, and their wire forms. Not here: I/O, decisions, settings, imports other than
the standard library and pydantic.
"""
