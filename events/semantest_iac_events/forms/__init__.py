"""The wire forms of an event, both directions, pure: a mapping in, an event out, and back.

Belongs here: one module per form, and what reading and writing them has in common.
Must not be here: bytes, transports, queues, or the choice of a form.
"""
