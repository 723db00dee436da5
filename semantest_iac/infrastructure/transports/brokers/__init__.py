"""Sources and targets on NATS JetStream, RabbitMQ, Redis and Kafka, with FastStream and the clients that it brings.

A source takes one message after the other, in the order of its broker, and acknowledges each when it was taken. What
could not be taken is delivered again after a pause that grows, while others flow. A source that lost its connection
connects again, as often as it must.
"""
