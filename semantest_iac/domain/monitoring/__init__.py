"""Logs and alarms."""
