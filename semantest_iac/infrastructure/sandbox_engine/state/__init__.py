"""What the sandbox stores of a stack: resources in Pulumi's deployment format, encrypted secrets, and the journal from
which an interrupted run is recovered. Decides nothing about what a program wants.
"""
