"""The dataset that is open: its samples, filtered and sorted, and their thumbnails."""
