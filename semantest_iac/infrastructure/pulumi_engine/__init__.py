"""The Provisioner on Pulumi's own engine: its CLI, driven by the Automation API in a child process per operation.

Here: finding the CLI, the child and the talk with it, what runs leave behind, and the translation of what the engine
says. The parent's side never imports Pulumi. Not here: what is deployed (cloud_programs), or a cloud to deploy to.
"""
