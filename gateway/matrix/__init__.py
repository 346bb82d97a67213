"""`gateway matrix`: which role may ask which route by which method, as the compiled policies say."""
