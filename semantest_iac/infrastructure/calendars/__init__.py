"""Reads schedules and time zones of freezes.

Here: cron expressions, local times and their zones. Not here: what a freeze leads to, which the domain decides.
"""
