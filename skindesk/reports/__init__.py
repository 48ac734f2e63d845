"""Reports as PDF: what they say and how they look."""
