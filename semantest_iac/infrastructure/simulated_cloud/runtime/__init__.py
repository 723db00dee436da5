"""The interpreter of the rule tables: operations of a cloud, its inventory in SQLite, identifiers, scripted faults and
virtual time.

Does not belong here: rules of single resource types, and the clouds' own names.
"""
