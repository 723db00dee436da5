"""The published language: every event that crosses the border of `semantest_iac`.

Belongs here: event classes, the values they carry, and the forms in which they travel.
Must not be here: input and output, decisions, settings, imports other than the standard library and pydantic.
"""
