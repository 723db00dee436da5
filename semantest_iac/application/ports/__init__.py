"""The ports that use cases call: protocols and the values that pass through them, no behaviour."""
