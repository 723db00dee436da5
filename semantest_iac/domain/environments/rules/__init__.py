"""The rules for configurations that hold on every cloud, and the form in which they report what they find.

Here: rules of components, functions, applications, builds and tags. Not here: the models (beside this package), rules
of one cloud (its entry).
"""
