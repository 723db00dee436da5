"""Keeps packages by their digests."""
