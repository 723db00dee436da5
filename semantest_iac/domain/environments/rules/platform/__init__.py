"""Validation rules of single layers of the platform."""
