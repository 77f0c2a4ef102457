"""Many files captioned: lines, shards, results, sidecars, alternative texts."""
