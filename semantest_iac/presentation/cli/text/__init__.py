"""Longer texts that commands print; no command, no stream."""
