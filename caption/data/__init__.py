"""Captioned pictures in every form: read, checked, divided, served in batches."""
