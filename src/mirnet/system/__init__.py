"""Processes, cores, files, streams: no knowledge of pictures."""
