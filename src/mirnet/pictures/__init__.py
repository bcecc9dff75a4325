"""Pictures: files, bytes, streams and arrays in and out, with all around the pixels."""
