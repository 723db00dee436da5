"""Words events for people in chat rooms, as the webhooks of Slack and of Microsoft Teams take them.

No text of an event becomes markup there: it cannot format, link, or call anybody.
"""
