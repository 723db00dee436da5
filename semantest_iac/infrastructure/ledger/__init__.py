"""Implements the ledger port on SQLite: the hash chain, the file, and projections beside the log.

Events are JSON texts with a type and a stream here; the queries interpret them.
"""
