"""Code that is shipped to the cloud: copied into packages as files, run there, and never imported here.

Each folder is one payload and uses only the standard library and what the cloud's runtime offers. What builds packages
from the payloads is in infrastructure/artifacts.
"""
