"""Describes each cloud before any of its code is loaded: names, regions, rules, and the modules of its parts.

Here: the entry of a cloud, built in or of another distribution, and the rules that hold for one cloud only.
Not here: programs, simulations and local services of a cloud.
"""
