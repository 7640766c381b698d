from maha_core.learn.definite_matrices import factor as components_from_metric

from .absent import absent

_INSIDE = (
    "_auto_select_init",
    "_check_n_components",
    "_check_sdp_from_eigen",
    "_initialize_metric_mahalanobis",
    "_pseudo_inverse_from_eig",
    "check_collapsed_pairs",
    "check_input",
    "check_y_valid_values_for_pairs",
    "make_context",
    "make_name",
    "preprocess_points",
    "preprocess_tuples",
    "validate_vector",
)
globals().update({name: absent(name) for name in _INSIDE})

__all__ = ["components_from_metric", *_INSIDE]
