"""Single pages that can be viewed offline: the report of an evaluation, and before and after."""
