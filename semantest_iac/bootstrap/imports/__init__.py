"""Joins the commands that import what other tools deployed, or deploy from."""
