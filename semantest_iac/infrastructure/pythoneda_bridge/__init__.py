"""Makes the requests and events of this package those of a PythonEDA application, and back.

Here: what a PythonEDA request means, its answer, and the adapters that an application enables. Nothing else imports
PythonEDA, and modules that need it are imported by PythonEDA applications only. Not here: how requests are carried out.
"""
