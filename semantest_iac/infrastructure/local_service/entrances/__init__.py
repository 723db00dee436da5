"""Leads requests from outside of a stack to its gateway and its site, under addresses of this machine."""
