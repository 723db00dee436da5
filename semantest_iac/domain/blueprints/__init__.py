"""Builds the graph of neutral resources from a component's settings; names no cloud."""
