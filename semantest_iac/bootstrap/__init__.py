"""Joins ports to adapters, and imports each adapter on first use: the application, its engines, the Pulumi program.

Nothing here decides anything, and no other package imports both ports and adapters."""
