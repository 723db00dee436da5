"""Plays a managed gateway, API Management or a REST API of API Gateway, before services, functions and other addresses.

Here: its rules as values that name no cloud, and their enforcement. Not here: reading the rules from what is deployed,
and how each cloud words a refusal (aws and azure), and running what answers behind the gateway.
"""
