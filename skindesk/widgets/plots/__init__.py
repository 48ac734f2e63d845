"""Plots, bars and matrices."""
