"""What surrounds a function on AWS, on this machine: API Gateway, its WebSocket APIs, and DynamoDB tables."""
