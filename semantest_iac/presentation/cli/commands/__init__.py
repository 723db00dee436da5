"""One module per command, called as the command, with the command as `command`.

Here: reading options, asking the application, wording the answer.
Not here: anything that another face (REST, dashboard) would have to decide again.
"""
