"""Text to ids and back: tokenize, vocabulary, endings."""
