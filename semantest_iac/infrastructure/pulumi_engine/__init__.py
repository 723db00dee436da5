"""The Provisioner port on Pulumi's own engine: its CLI, driven by the Automation API in a worker process.

Here: the CLI on this machine (cli), the backend (state), the worker process (worker), and the parent's side
(operations), which never imports Pulumi. Not here: what is deployed (cloud_programs), or a cloud to deploy to.
"""
