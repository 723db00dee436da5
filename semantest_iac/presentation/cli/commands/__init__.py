"""The commands: each reads its options, calls the application and formats the answer.

A command NAME is the function NAME_command; program.COMMANDS says in which module it is. Decisions that an API or a
dashboard would have to repeat belong to the application.
"""
