"""How a new version replaces the old one."""
