"""The Pulumi programs: one folder per cloud with the same module names, one function per neutral resource kind.

Only this package imports the clouds' Pulumi SDKs. The catalogues import none of them, because capabilities are
read even if nothing is deployed.
"""
