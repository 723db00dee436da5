"""How requests reach code: HTTP and WebSocket APIs, load balancers and private networks."""
