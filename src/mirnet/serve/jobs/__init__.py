"""Jobs: their order, what is done with their pictures, their files on disk."""
