"""Benchmarks: ratios taken in one run, side by side. Nothing here is a test."""
