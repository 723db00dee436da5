"""What a command does with the process that it runs in: signals, writing to slow readers, and the exit.

What is cancelled, and what is written, is decided by the callers.
"""
