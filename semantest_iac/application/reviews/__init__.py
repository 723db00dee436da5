"""Reviews plans: puts together what guardrails ask about, for new plans and for those that the ledger holds.

Here: recorded plans, estimates of costs, and reviews. Not here: the guardrails, which the domain has.
"""
