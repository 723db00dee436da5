"""Builds deployment packages from function sources: reads, selects, installs, zips and stores, and runs nothing of the
source.

The files that are added to a user's code lie in `payloads/`; running a package is the task of `function_runtimes`.
"""
