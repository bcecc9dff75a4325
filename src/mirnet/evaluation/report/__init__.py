"""The report of `mirnet evaluate`: one page that works from disk, without a network."""
