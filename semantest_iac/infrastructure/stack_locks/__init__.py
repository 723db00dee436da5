"""Implements the port of stack locks: on one host, one run at a time works on a stack, and others wait.

It knows stacks by name and nothing of what a run does.
"""
