"""A cloud that nobody runs: entry, resources, program, simulation and front, as any distribution would bring them."""
