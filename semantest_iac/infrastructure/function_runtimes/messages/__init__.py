"""Messages and ticks as the clouds give them to functions.

Belongs here: the form of an event for a message, a batch or a tick. Not here: where messages wait, when ticks are due.
"""
