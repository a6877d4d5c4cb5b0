"""Numeric models that searches and stopping rules share."""
