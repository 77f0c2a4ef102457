"""Running an optimisation, whatever the problem: trainer, updates, averaging, checkpoints."""
