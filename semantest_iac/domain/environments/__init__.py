"""What differs from one environment to the next, and the names, regions and runtimes that may be asked for.

Here: the model of the configuration file, the settings of the four environments, physical names and tags.
Not here: reading files or variables (infrastructure); judging a configuration (deployment/validation.py).
"""
