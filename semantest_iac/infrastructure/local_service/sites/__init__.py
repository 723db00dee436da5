"""Plays a static site with its delivery network: files, single-page fallback, security headers and kept answers.

Here: its rules as values that name no cloud, and what they answer. Not here: reading the rules from what is deployed
(aws and azure).
"""
