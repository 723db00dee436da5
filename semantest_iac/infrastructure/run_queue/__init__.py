"""Implements the run queue port: one run at a time works on a stack, and others wait.

It knows stacks by name and nothing of what a run does.
"""
