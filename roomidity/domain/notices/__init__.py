"""Notices: what a person in the house wants to be told, and when it has changed."""
