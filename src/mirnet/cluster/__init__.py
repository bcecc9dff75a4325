"""Restoration jobs over many machines: on Ray, or as shards that any scheduler starts.

A job is a source, a target and settings (`job`). The listing of the source is spread over buckets
by a hash of each result's name (`buckets`), so no process holds all names. The manifest
(`manifest`) has one row per picture, in Parquet files per bucket. What is missing in a bucket is
planned (`plan`) and cut into slices, and a slice is the unit of work (`work`): each picture runs in
a child process (`child`), so a crash costs one picture (`hands`). `engine` runs slices on Ray, and
`run` runs them in one process.
"""
