"""Messages and ticks as the clouds give them to functions.

Belongs here: the form of an event for one message, a batch or a tick. Not here: where messages wait, or when ticks are due.
"""
