"""Joins what judges plans and estimates costs."""
