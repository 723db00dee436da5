"""One attempt to bring a stack to its blueprint: identity, states, plan, journal, and the services that validate and deploy.

Nothing of order, retries or waiting: those belong to the application."""
