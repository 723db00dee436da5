"""Turns input from outside into requests, and results into text or HTTP. Decides nothing."""
