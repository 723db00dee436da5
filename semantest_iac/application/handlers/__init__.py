"""Turns an event into one call of the deployment process, one module per type of component or action.

Order, retries and recovery belong to the process."""
