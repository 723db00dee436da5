"""Reads files, variables and options into one Configuration and records where every value was written.

Here: YAML, dotenv, `SEMANTEST_*`, `--set`, their merging, and faults with file, line and column.
Not here: which values are allowed (domain/environments), and the values of secrets (secret_stores).
"""
