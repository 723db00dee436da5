"""Tables that keep data between calls."""
