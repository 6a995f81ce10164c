"""The harness: environments, runs in turns, statistics, tables. It knows nothing of what the cases measure."""
