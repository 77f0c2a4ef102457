"""Running an optimisation, whatever the problem: optim, records, checkpoint, trainer."""
