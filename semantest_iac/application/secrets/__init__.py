"""What is done with the secrets of deployed stacks: values are set, rotated, listed and audited.

Deployments import what goes back to earlier values; nothing here imports the steps of a deployment.
"""
