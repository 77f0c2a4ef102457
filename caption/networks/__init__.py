"""Networks only, in reading order: cells, attention, decoder (the protocol), soft_attention."""
