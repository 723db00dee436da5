"""Longer texts that commands print, also as the ledger grows; no command, no stream."""
