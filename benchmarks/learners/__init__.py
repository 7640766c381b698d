"""Accuracy of every learner on the data sets of a published comparison."""
