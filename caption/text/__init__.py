"""Strings to ids, in reading order: tokenize, vocabulary."""
