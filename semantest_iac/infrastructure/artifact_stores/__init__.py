"""Keeps packages by their digests: in a folder of the home, and in an object store that several machines share."""
