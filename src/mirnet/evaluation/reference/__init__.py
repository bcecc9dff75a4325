"""Restored files against clean ones, as `mirnet restore --reference` compares them."""
