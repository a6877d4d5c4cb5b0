"""Searches, one algorithm a file."""
