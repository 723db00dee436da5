"""Azure as rule tables, one module per family of services; `catalogue` combines them.

Belongs here: rules with the wire names of `pulumi_azure_native` 3, ids and messages as Azure Resource Manager forms
them, each with its source. `shapes.json` is generated: every input of every type, from the SDK.
Does not belong here: interpretation of tables, state, other clouds.
"""
