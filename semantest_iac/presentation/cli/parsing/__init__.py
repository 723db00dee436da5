"""What is typed and what it means: groups that find commands, deployed stacks that fit, and completion in shells.

Not here: the options of commands.
"""
