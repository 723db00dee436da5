"""The program that `pulumi up` runs, which `main:` in Pulumi.yaml names: reads what a Pulumi stack asks to deploy.

What is deployed belongs to cloud_programs, and talking to Pulumi to pulumi_engine. Pulumi runs this folder with itself
first on the import path, so no module here may have the name of a library.
"""
