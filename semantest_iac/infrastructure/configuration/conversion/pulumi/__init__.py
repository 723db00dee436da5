"""Reads states of Pulumi stacks."""
