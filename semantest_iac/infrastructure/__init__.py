"""Adapters: each folder translates one technology and is a stranger to its siblings.

A shelf lies under them (cloud programs, simulated cloud, function runtimes), whose parts are strangers too."""
