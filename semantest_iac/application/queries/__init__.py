"""Answers about what was recorded: folded from ledger events, returned as plain values for `--json`.

Pure functions over the ledger's read side. Nothing here records, waits or imports pydantic or asyncio."""
