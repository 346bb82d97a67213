"""Every key of both files, as frozen specs: shapes, defaults, and the words that the reference prints."""
