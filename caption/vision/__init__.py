"""Pixels to features: image, transforms, encoder, features, store, extract, overlay."""
