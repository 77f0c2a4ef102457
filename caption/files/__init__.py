"""What lies on disk: safe paths, files written whole, JSON, tables and tar archives."""
