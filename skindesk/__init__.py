"""SkinDesk's window: everything that is seen and clicked. The work is done by `trainer`, in child processes."""
