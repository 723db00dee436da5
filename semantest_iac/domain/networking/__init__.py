"""How traffic reaches code: HTTP and WebSocket APIs, their endpoints, and private networks."""
