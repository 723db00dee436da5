"""Tells an OpenTelemetry collector what a worker does, from the events and the progress that everybody can watch.

Nothing depends on it: a collector that is away, slow or full changes nothing but what it knows.
"""
