"""The report of `mirnet evaluate`: a single page that can be viewed offline."""
