"""How the traffic moves from one version to the next: what a run asks, and what it records.

Not here: what decides about a version (domain/delivery), and how a cloud divides traffic (cloud_programs)."""
