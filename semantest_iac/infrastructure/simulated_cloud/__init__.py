"""Simulated AWS and Azure: rule tables per resource type, and one interpreter for all of them.

`schema` is the vocabulary of the tables, `runtime` interprets them, and each cloud has a folder with its tables.
Does not belong here: Pulumi and its SDKs, engines, deployments, real waiting, real secrets.
"""
