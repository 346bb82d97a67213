"""`gateway routes`: where each request goes and who may ask, and which route one request takes."""
