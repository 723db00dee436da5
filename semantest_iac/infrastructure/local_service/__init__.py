"""Calls a deployed service on this machine: its package in a process, from the events that its cloud would send.

Here: what stands before the function (a room per cloud), and the door. Not here: running functions
(function_runtimes), and knowing what is deployed (the engines tell)."""
