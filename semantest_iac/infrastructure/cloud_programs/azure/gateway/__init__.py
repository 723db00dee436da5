"""API Management: what several programs create of it, and the gateway in front of services."""
