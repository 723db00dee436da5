"""The Provisioner port on this machine: the real programs, in-process, against a simulated cloud.

Speaks Pulumi's resource monitor protocol and knows no cloud's rules."""
