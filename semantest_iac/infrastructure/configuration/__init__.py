"""Turns files, variables and options into one Configuration whose every value knows where it was written.

Here: YAML, dotenv, `SEMANTEST_*`, `--set`, their merging, and faults with file, line and column.
Not here: what values are allowed (domain/environments), and the values of secrets (secret_stores).
"""
