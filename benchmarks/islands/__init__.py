"""Islands and populations, measured beside Propulate and Optuna."""
