"""Training: recipes, schedule, loop, checkpoints."""
