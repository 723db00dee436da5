"""How a component notifies people and other systems."""
