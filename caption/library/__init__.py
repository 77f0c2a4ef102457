"""A person's photos, captioned once, in one file: searched, corrected, exported."""
