"""What is done with the secrets of deployed stacks: values are set, rotated, listed and audited.

Which values deployments take is a query (`queries/secret_versions.py`); nothing here imports the steps of a deployment.
"""
