"""Notices: the events a household is warned about, and when they begin and end."""
