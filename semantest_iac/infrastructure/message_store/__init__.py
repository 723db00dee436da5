"""Keeps the messages of simulated queues and the ticks of schedules in one file of the home, for both clouds.

Here: what waits, who holds it and for how long. Not here: calling functions, and the protocols of the clouds.
"""
