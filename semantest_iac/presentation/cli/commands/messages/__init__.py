"""The commands with which people send and receive messages of simulated stacks."""
