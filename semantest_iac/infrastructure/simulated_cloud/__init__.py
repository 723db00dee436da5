"""Clouds as data: what each resource type accepts, computes, refuses and remembers, and one interpreter over it.

Belongs here: rule tables per resource type in a folder per cloud, the vocabulary they are written in, the
interpreter, its inventory, scripted faults and the virtual clock.
Does not belong here: Pulumi, its SDKs, engines, deployments, real waiting, real secrets, and, outside the folder
of a cloud, anything that only that cloud has.
"""
