"""The simulated clouds as providers that Pulumi's own engine attaches to.

Belongs here: Pulumi's provider protocol and its wire form, told in the simulated cloud's words.
Does not belong here: what a cloud accepts, computes or refuses, programs, and the engine itself."""
