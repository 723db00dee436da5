"""Recognizes the services in a folder of code by reading its files: frameworks, and what starts each service.

Nothing is imported or run. How a service is packaged is decided by the recipes, and how it is written down by the
configuration.
"""
