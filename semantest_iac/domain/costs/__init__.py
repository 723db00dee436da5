"""What a stack costs a month, estimated from its blueprint.

Here: prices, assumed usage and sums. Not here: the prices themselves, which each cloud knows.
"""
