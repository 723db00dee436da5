"""Turns what a program registers into operations: the desired state, the decision for each resource, and the steps that
carry it out. Reads no files and serves no protocol.
"""
