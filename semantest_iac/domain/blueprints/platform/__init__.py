"""Builds the layers of the platform, one module per layer, and joins those of a component in order of deployment.

A layer knows its settings and what the layers before it have built; it names no cloud and imports no other layer."""
