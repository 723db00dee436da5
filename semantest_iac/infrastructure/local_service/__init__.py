"""Runs a deployed service on this machine: its package in a process, called with the events that its cloud sends.

Here: what stands before the function (a folder per cloud), its connections and tables, and the probes that call it.
Not here: running functions (function_runtimes) and knowing what is deployed (the engines)."""
