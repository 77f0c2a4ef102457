"""Questions in every form: read, checked, served in batches."""
