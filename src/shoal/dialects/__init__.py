"""The names of other tools, translated to Shoal: what cannot be translated is refused, and nothing is ignored."""
