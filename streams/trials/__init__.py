"""What would happen, shown and not done, by the stages' own folds."""
