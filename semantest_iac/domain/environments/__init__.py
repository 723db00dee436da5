"""What differs between environments, and the names that a configuration may use.

Here: the models of the configuration file, the settings of the environments, physical names, tags and rules for every
cloud. Not here: reading files or variables (infrastructure), rules of one cloud (its entry).
"""
