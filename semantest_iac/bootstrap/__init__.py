"""Joins ports to adapters; the only place that knows both. Every import waits until its part is asked for.

Here: the application, its engines, and the application as Pulumi starts it. Not here: anything that decides."""
