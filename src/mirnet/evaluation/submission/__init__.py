"""What benchmarks without public truth take: restored blocks, in files of their layout."""
