"""Joins the commands that make first configurations."""
