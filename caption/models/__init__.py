"""Whole models, and what they are on disk."""
