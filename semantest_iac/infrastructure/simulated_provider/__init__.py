"""The simulated clouds as providers that Pulumi's own engine attaches to.

Here: Pulumi's provider protocol and its wire format. Not here: what a cloud accepts, computes or refuses
(simulated_cloud), programs, and the engine.
"""
