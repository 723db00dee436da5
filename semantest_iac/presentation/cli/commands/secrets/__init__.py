"""`secrets`: the commands that set, rotate, list and audit the secrets of deployed stacks.

A value comes from stdin or from a prompt without echo, and is in no answer.
"""
