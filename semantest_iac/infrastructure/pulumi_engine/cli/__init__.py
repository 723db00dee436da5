"""The Pulumi CLI on this machine: finding it, installing it with its plugins, and running it within limits.

Not here: what it is asked to do with a stack (worker), or the state that it writes (state)."""
