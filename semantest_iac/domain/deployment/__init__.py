"""Deployments: stacks, statuses, change plans, journal entries, and the domain services.

The order of steps, retries and waiting belong to the application.
"""
