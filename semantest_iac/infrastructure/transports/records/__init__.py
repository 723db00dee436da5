"""Keeps dead letters, positions and the leases of relays in the database of the ledger.

The first write makes a table; reading makes none. An imported ledger brings none of them.
"""
