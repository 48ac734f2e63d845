"""From image files to batches: the cache, augmentation, features of a frozen backbone."""
