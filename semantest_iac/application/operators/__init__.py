"""What a person decides about a deployment that is on its way or has come to a standstill: cancels it, resolves it.
Requests of people belong to the use cases, and what becomes of a decision to whoever carries the deployment out.
"""
