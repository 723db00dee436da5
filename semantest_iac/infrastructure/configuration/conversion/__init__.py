"""Reads what other tools deploy from, and writes it as a first semantest.yaml with a list of what is not in it."""
