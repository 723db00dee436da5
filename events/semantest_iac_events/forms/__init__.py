"""The wire forms of an event in both directions, without I/O.

Here: one module per form, and what they share. Not here: bytes, transports, queues, or the choice of a form.
"""
