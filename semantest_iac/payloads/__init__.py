"""Code that is shipped to the cloud: copied into packages as files, run there, and never imported here.

Each folder is one payload, with nothing but its platform's standard library (and what the cloud's runtime
brings along). What builds packages out of it is `infrastructure/artifacts`.
"""
