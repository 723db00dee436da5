"""The vocabulary of the rule tables, and pure functions over it: properties, limits, references, guards, refusals.

Does not belong here: state, time, and anything that only one cloud has.
"""
