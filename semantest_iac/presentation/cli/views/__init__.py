"""How a deployment is watched: as lines, as a live tree, or as JSON."""
