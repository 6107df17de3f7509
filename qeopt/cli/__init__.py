"""The command line: one file a verb, no logic. Results go to stdout, progress and warnings to stderr."""
