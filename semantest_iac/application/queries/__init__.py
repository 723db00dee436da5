"""Answers questions about the ledger with plain values, as `--json` prints them.

Functions here only read; they import neither pydantic nor asyncio, so that `status` starts fast."""
