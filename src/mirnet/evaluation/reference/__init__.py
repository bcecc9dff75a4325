"""Compare restored files with clean ones, for `mirnet restore --reference`."""
