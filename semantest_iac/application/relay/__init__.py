"""Publishes the events of the ledger to targets: which ones, in which form, in which order, and what was not taken.

The log is the outbox: an event is published because it was recorded, and its position is remembered after that.
Not here: connections and protocols, which belong to the transports.
"""
