"""Notifies people through hooks: of failed photos, of outages and of finished batches."""
