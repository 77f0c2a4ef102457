"""The shapes of requests and replies, one module for each API."""
