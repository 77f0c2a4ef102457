"""Networks only, in reading order: cells, attention, decoder (the protocol), decoders."""
