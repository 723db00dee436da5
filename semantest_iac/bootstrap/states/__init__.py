"""Joins what looks after the states of Pulumi's engine: the settings of their backend, the ledger and the CLI."""
