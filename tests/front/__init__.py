"""The process that answers for a worker."""
