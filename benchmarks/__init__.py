"""Figures: each module but `run` and `timing` is an area whose `rows()` measures ours beside its comparison.

Both sides are taken by turns in one run and reported as a ratio; no test asserts a time."""
