"""Where a request is accepted or refused, once, before anything else hears of it."""
