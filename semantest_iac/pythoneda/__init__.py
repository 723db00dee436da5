"""The PythonEDA application of this package, and what other PythonEDA applications enable to request infrastructure.

Here: how the bridge is joined to this package's application. Everything but `__main__` needs PythonEDA to be imported.
Not here: what a request means and how it is answered (the bridge).
"""
