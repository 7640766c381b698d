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

// A sum in stretches, as in `formulas.dot`: of a million equal terms, each added to a large sum,
// float would lose four digits.
template <class number>
struct SumOf {
    double whole = 0;
    number stretch = 0;
    int count = 0;

    __device__ inline void add(number term) {
        stretch += term;
        if (++count % 256) return;
        whole += stretch;
        stretch = 0;
    }
    __device__ inline number total() const { return (number)(whole + stretch); }
};
typedef SumOf<real> Sum;
typedef SumOf<double> WideSum;

__device__ inline real squared_sum(const real* x, const real* y, int d) {
    Sum sum;
    for (int l = 0; l < d; ++l) {
        const real delta = x[l] - y[l];
        sum.add(delta * delta);
    }
    return sum.total();
}

__device__ inline real squared_image(const Form& form, const real* x, const real* y, int d) {
    Sum sum;
    for (int k = 0; k < form.width; ++k) {
        const real* row = form.array + (index_t)k * d;
        Sum u;
        for (int l = 0; l < d; ++l) u.add(row[l] * (x[l] - y[l]));
        sum.add(u.total() * u.total());
    }
    return sum.total();
}

// A negative value that rounding explains is 0 (IndefiniteForm.direct); a larger one is the metric's
// own. Both sums are in double, since D can be small beside its terms.
__device__ inline real unless_rounding(double value, double magnitude, int d) {
    const double bound = (8 * (double)EPS + sqrt((double)d) * 1.1102230246251565e-16) * magnitude;
    return value < 0 && -bound <= value ? (real)0 : (real)value;
}

__device__ inline real weighted_sum(const Form& form, const real* x, const real* y, int d) {
    WideSum sum, magnitude;
    for (int l = 0; l < d; ++l) {
        const double delta = (double)x[l] - (double)y[l], term = form.array[l] * delta * delta;
        sum.add(term);
        magnitude.add(fabs(term));
    }
    return unless_rounding(sum.total(), magnitude.total(), d);
}

__device__ inline real bilinear_sum(const Form& form, const real* x, const real* y, int d) {
    WideSum sum, magnitude;
    for (int k = 0; k < d; ++k) {
        const real* row = form.array + (index_t)k * d;
        const double delta = (double)x[k] - (double)y[k];
        WideSum v, size;
        for (int l = 0; l < d; ++l) {
            const double term = row[l] * ((double)x[l] - (double)y[l]);
            v.add(term);
            size.add(fabs(term));
        }
        sum.add(delta * v.total());
        magnitude.add(fabs(delta) * size.total());
    }
    return unless_rounding(sum.total(), magnitude.total(), d);
}

// Not inlined: few threads come here, and the others shall keep their registers.
__device__ __noinline__ real direct(Form form, const real* x, const real* y, int d) {
    switch (form.kind) {
        case FACTOR: return squared_image(form, x, y, d);
        case DIAGONAL: return weighted_sum(form, x, y, d);
        case FULL: return bilinear_sum(form, x, y, d);
        default: return squared_sum(x, y, d);
    }
}
