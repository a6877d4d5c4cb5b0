"""Schedulers of Syne Tune: each is a search and a stopping rule of Shoal."""
