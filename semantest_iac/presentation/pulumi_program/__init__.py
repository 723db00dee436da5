"""The face towards Pulumi: the program that `pulumi up` runs (`main:` in Pulumi.yaml) for a stack of its own.

Here: what the stack's name and its configuration ask for. Not here: what is deployed (cloud_programs), or how Pulumi is
talked to (pulumi_engine). Pulumi runs the folder with itself first on the path, so no module is called as a library is.
"""
