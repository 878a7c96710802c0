"""Who is told: failures, outages and finished batches, delivered by hooks."""
