"""The interpreter of the rule tables: operations, the inventory in SQLite, identifiers, scripted faults, virtual time.

Does not belong here: rules of single resource types, and names that only one cloud has.
"""
