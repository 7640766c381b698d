"""Kernel machines: time, memory and accuracy of recursive feature machines and their like."""
