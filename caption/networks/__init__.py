"""What learns to write: cells, attention and the decoders made of them."""
