"""Which rights a deployment needs in each cloud, and which the identities have that it creates.

Works on resources as a program has created them; contacts no account, and runs no program.
"""
