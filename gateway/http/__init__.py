"""HTTP as data: requests, replies, fields, paths. Pure: nothing here waits or does I/O.

Names and values of fields, methods, paths and queries are `bytes` as they stood on the wire.
"""
