"""Runs the sandbox in processes beside a worker: a program that crashes or hangs takes no other deployment along."""
