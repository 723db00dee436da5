"""Runs the services of simulated clouds on this machine: processes in place of containers, behind one name each.

An image needs a container engine, which is not used here: a service runs from its folder, by its own command.
"""
