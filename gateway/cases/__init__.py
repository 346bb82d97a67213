"""`gateway test`: tables of requests, and whether the policies make of each what was expected."""
