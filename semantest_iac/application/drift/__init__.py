"""Looks for what was changed in the clouds outside of this tool: on demand, by schedule, and when an event asks for it.

Here: one look, and which stacks are due. Not here: the queue of checks (its port), what corrects drift (deployments).
"""
