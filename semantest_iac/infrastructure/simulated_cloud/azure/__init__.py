"""Azure as rule tables, one module per family of services; `catalogue` combines them.

Belongs here: rules with the wire names of `pulumi_azure_native` 3, ids and messages as Azure Resource Manager
writes them, each with its source. `schemas` holds every input of every type; it is generated from the SDK.
Does not belong here: the interpreter, state, other clouds.
"""
