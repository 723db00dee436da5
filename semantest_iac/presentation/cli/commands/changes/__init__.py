"""Commands that change what is deployed without a configuration: each asks for something that the ledger has recorded.

`deploy` and `destroy`, and commands that only read, are no part of this.
"""
