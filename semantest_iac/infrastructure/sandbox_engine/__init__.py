"""Implements the Provisioner port on this machine: the real Pulumi programs run in-process against a simulated cloud.

Here: Pulumi's resource monitor protocol, planning and state. Not here: any cloud's rules.
"""
