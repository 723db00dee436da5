"""Implements the ports that move events: sources, targets, and what is remembered of both.

Here: bytes with headers, connections, acknowledgements, signatures. Not here: what a message says, or what it leads to.
"""
