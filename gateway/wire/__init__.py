"""HTTP/1.1 as bytes: the connections of both sides. What a request means is decided elsewhere."""
