"""How traffic reaches code: HTTP APIs, their endpoints, and private networks."""
