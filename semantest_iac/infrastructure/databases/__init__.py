"""Opens the databases that the ledger and the run queue share, and translates their errors.

Statements and tables belong to the adapters that use it.
"""
