"""Contact sheets: results laid out for people, who would rather look than read."""
