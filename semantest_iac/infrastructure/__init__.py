"""Adapters: each folder translates one technology and imports none of the others.

They may use the layer below them (cloud programs, simulated cloud, function runtimes); its parts are independent."""
