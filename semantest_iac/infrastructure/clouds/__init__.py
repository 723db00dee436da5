"""Describes each cloud before any of its code is loaded: names, regions, and the modules of its parts.

Here: the entry that describes a cloud, built in or of another distribution. Not here: any part of a cloud.
"""
