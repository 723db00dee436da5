"""Services that run containers on ECS, with what balances, names and scales them."""
