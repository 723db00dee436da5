"""Turns the bytes of received messages into events, and settles each message.

Here: bodies and headers of every transport. Not here: connections and acknowledgements (infrastructure), what an event
leads to (application).
"""
