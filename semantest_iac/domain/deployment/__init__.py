"""One attempt to bring a stack to its blueprint: identity, states, plan, journal, services.

Nothing of order, retries or waiting: those belong to the application."""
