"""Joins the parts of `serve`, and of the commands that send and receive messages."""
