"""Pulumi's data as Python: property values, their wire form and resource names. Knows neither the state of a stack nor
a plan.
"""
