"""Processes, cores, files, streams: strangers to pictures."""
