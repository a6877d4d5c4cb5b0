"""The names of other tools, translated to Shoal's: each refuses what it cannot do, and ignores nothing."""
