"""From a history to tables and texts."""
