"""Accepts requests, carries them out step by step, records what happens, and answers queries about it.

It calls ports and never imports adapters; what a stack, resource or deployment may do belongs to the domain."""
