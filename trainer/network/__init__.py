"""The network: backbone, head and preprocessing; its weights."""
