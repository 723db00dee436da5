"""The vocabulary of the rule tables and pure functions over it: properties, limits, references, guards, refusals,
equality and differences.

Does not belong here: state, time, and anything that only one cloud has.
"""
