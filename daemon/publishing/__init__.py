"""A decided job becomes files where people find them, once; the two other ends of a job; reading all that back."""
