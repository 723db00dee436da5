"""The ledger port on SQL stores: the hash chain, the schema, and the projections kept beside the log.

Events are JSON texts with a type and a stream here; what they mean is the queries' business."""
