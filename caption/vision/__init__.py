"""Pixels to features, in reading order: image, encoder, features, attention, overlay."""
