"""Runs a packaged function from a cloud event in a process of its own, as the cloud would.

Here lie the processes, the programs inside them (`hosts/`, run and never imported) and the translation
between HTTP and API Gateway events. Which function runs, and when, is for the callers above.
"""
