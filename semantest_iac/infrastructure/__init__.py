"""Adapters: each folder translates one technology and imports none of the others.

A shelf lies under them (cloud programs, simulated cloud, function runtimes), whose parts are strangers too."""
