"""Runs a packaged function from a cloud event in a process of its own, as the cloud would.

Here lie the processes, the programs inside them (`hosts/`, run and never imported), the translation between HTTP and
the events of both clouds, and the server on the loopback that functions call in the place of a cloud. Which function
runs, and when, is for the callers above.
"""
