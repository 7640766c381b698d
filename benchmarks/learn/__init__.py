"""The estimators beside scikit-learn's and metric-learn's: speed, memory, accuracy."""
