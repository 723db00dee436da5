"""Runs a packaged function from a cloud event in a process of its own, as the cloud would.

Here: the processes, the programs inside them (`hosts/`, run and never imported), the translation between HTTP and the
events of both clouds, and the loopback server that functions call in place of a cloud. Not here: which function runs,
and when.
"""
