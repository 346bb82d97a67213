"""Where the buckets of quotas are kept: in the memory of this process, or in a Redis that several share."""
