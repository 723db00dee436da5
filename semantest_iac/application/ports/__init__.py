"""What use cases call: roles as protocols with the values that pass through them. No code that does anything."""
