"""What a sweep says as a whole: one self-contained page, a table (CSV) and the pictures (PNG)."""
