"""API Management: services, APIs with their policies, products and subscriptions."""
