"""Delivers messages and ticks to functions on this machine, and takes messages from them and from anybody here.

Here: the loops that call functions, and the protocols of the clouds' queues and topics. Not here: where messages wait
(message_store), and how each cloud describes what is deployed (aws, azure beside this folder).
"""
