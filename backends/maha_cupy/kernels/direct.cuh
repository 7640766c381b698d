// D of one pair from its raw difference, where nothing cancels between the points.
#pragma once
#include "real.cuh"

enum Kind { EUCLIDEAN, FACTOR, DIAGONAL, FULL };

// A metric: its kind, and its array with `width` rows (A, or Ms) or none (w).
struct Form {
    int kind;
    const real* array;
    int width;
};

__device__ inline real squared_sum(const real* x, const real* y, int d) {
    real sum = 0;
    for (int l = 0; l < d; ++l) {
        const real delta = x[l] - y[l];
        sum += delta * delta;
    }
    return sum;
}

__device__ inline real squared_image(const Form& form, const real* x, const real* y, int d) {
    real sum = 0;
    for (int k = 0; k < form.width; ++k) {
        const real* row = form.array + (index_t)k * d;
        real u = 0;
        for (int l = 0; l < d; ++l) u += row[l] * (x[l] - y[l]);
        sum += u * u;
    }
    return sum;
}

// A negative value that rounding explains is 0; a larger one is an indefinite metric's own.
__device__ inline real unless_rounding(real value, real magnitude, int d) {
    const real bound = (d + 2) * EPS * magnitude;
    return value < 0 && -bound <= value ? (real)0 : value;
}

__device__ inline real weighted_sum(const Form& form, const real* x, const real* y, int d) {
    real sum = 0, magnitude = 0;
    for (int l = 0; l < d; ++l) {
        const real delta = x[l] - y[l];
        sum += form.array[l] * delta * delta;
        magnitude += fabs(form.array[l]) * delta * delta;
    }
    return unless_rounding(sum, magnitude, d);
}

__device__ inline real bilinear_sum(const Form& form, const real* x, const real* y, int d) {
    real sum = 0, magnitude = 0;
    for (int k = 0; k < d; ++k) {
        const real* row = form.array + (index_t)k * d;
        real v = 0, size = 0;
        for (int l = 0; l < d; ++l) {
            const real delta = x[l] - y[l];
            v += row[l] * delta;
            size += fabs(row[l] * delta);
        }
        sum += (x[k] - y[k]) * v;
        magnitude += fabs(x[k] - y[k]) * size;
    }
    return unless_rounding(sum, magnitude, d);
}

__device__ inline real direct(const Form& form, const real* x, const real* y, int d) {
    switch (form.kind) {
        case FACTOR: return squared_image(form, x, y, d);
        case DIAGONAL: return weighted_sum(form, x, y, d);
        case FULL: return bilinear_sum(form, x, y, d);
        default: return squared_sum(x, y, d);
    }
}
