"""What a report says of the network behind it: its card, and the checklists it helps to fill in."""
