"""Diagnoses that are kept: the file they lie in, their pictures, what is known of them later."""
