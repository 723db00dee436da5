"""Finds the values of secrets, and takes them out of text that leaves the process.

Here: one module per place where secrets are kept, and the redactor.
Not here: which secrets a component needs (domain/environments), or handing them to a cloud (engines).
"""
