"""Reading and writing pictures: files, bytes, streams and arrays, with alpha and metadata."""
