"""Benchmarks: each module except `clients`, `relay`, `run` and `timing` is an area; its `rows()` measures this tool
beside a comparison.

Both sides take turns in one run and are reported as a ratio; no test asserts a time.
"""
