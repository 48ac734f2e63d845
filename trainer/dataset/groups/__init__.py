"""Which samples must stay in one part, and the certificate that they do."""
