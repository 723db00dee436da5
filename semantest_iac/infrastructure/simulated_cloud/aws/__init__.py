"""AWS as rule tables, one module per family of services; `catalogue` combines them.

Belongs here: rules with the wire names of `pulumi_aws` 7, ARNs and messages as AWS writes them, each with its source.
Does not belong here: the interpreter, state, other clouds.
"""
