"""Recurrences behind one protocol: cell (the protocol), hidden, lstm, state_space, stack, build."""
