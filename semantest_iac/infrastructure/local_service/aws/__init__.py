"""Before functions of AWS: API Gateway, its WebSockets, and the data of DynamoDB."""
