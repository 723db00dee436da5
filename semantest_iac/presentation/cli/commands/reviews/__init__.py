"""`guardrails` and `cost`: the commands that judge plans and estimate costs, and change nothing."""
