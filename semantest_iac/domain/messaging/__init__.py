"""How a component tells people and other systems: notification channels."""
