"""Installs what a Python source requires, for the function's Python: wheels, and wheels built from sources.

Which of the installed files are packaged is decided by the recipes.
"""
