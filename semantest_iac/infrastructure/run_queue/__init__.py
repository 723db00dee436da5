"""Implements the run queue in the ledger's database: accepted requests, and the leases of those who carry them out."""
