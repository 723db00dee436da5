"""Turns function sources into packages: here is read, chosen, installed, zipped and stored, and nothing is run.

What a package holds beside the person's code lies in `payloads/`; running a package is `function_runtimes`.
"""
