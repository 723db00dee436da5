"""`import`: first configurations, and what other tools deploy."""
