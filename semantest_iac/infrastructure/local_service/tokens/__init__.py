"""JSON web tokens: making them, and judging those of clients by rules and by the keys that their issuers publish.

Not here: which tokens a deployed API asks for (aws and azure), and the tokens of identities that Azure issues.
"""
