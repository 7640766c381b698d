// The flagged pairs' part of a gradient, from the raw differences delta_ij = x_i - y_j.
//
// Flags are bits: entry (i, j) is bit j % 64 of the 8-byte word j / 64 of row i, and rows are whole
// batches of words. Everything is summed in double and in ascending order, so that no host need know
// the pairs.
#include "real.cuh"

// Words that are read before the first is looked at: few have a bit set, and one after the other
// their reads would take longer than all of the work.
#define BATCH 8

typedef unsigned long long word_t;

// Call visit(j) for the flagged entries of row i.
template <class Visit>
__device__ inline void for_each_flagged(const word_t* flags, index_t pitch, index_t i, Visit visit) {
    const word_t* row = flags + i * pitch;
    for (index_t w = 0; w < pitch; w += BATCH) {
        word_t words[BATCH], any = 0;
#pragma unroll
        for (int b = 0; b < BATCH; ++b) any |= words[b] = row[w + b];
        if (!any) continue;
#pragma unroll
        for (int b = 0; b < BATCH; ++b)
            for (word_t left = words[b]; left; left &= left - 1)
                visit((w + b) * 64 + __ffsll(left) - 1);
    }
}

// sums_i = sum_j G_ij (x_i - y_j)  (rows, d).
extern "C" __global__ void maha_sums(const word_t* flags, index_t pitch, const real* G,
                                     index_t row_stride, index_t column_stride, const real* x,
                                     const real* y, int d, index_t rows, double* sums) {
    const index_t i = (index_t)blockIdx.x * WARPS + threadIdx.y;
    const int l = blockIdx.y * LANES + threadIdx.x;
    if (i >= rows || l >= d) return;
    double sum = 0;
    for_each_flagged(flags, pitch, i, [&](index_t j) {
        const double g = G[i * row_stride + j * column_stride];
        sum += g * ((double)x[i * d + l] - (double)y[j * d + l]);
    });
    sums[i * d + l] = sum;
}

// moments_p = sum over the rows i of part p, and j, of G_ij delta_ij delta_ij^T  (parts, d, d).
extern "C" __global__ void maha_moments(const word_t* flags, index_t pitch, const real* G,
                                        index_t row_stride, index_t column_stride, const real* x,
                                        const real* y, int d, index_t rows, index_t rows_per_part,
                                        double* moments) {
    const int k = blockIdx.x * LANES + threadIdx.x;
    const int first = blockIdx.y * LANES + threadIdx.y;
    const index_t start = (index_t)blockIdx.z * rows_per_part;
    const index_t stop = start + rows_per_part < rows ? start + rows_per_part : rows;
    if (k >= d) return;
    double sums[LANES / WARPS] = {};
    for (index_t i = start; i < stop; ++i)
        for_each_flagged(flags, pitch, i, [&](index_t j) {
            const double g = G[i * row_stride + j * column_stride];
            const double u = g * ((double)x[i * d + k] - (double)y[j * d + k]);
#pragma unroll
            for (int s = 0; s < LANES / WARPS; ++s) {
                const int l = first + s * WARPS;
                if (l < d) sums[s] += u * ((double)x[i * d + l] - (double)y[j * d + l]);
            }
        });
#pragma unroll
    for (int s = 0; s < LANES / WARPS; ++s) {
        const int l = first + s * WARPS;
        if (l < d) moments[((index_t)blockIdx.z * d + k) * d + l] = sums[s];
    }
}

// kept = G with 0 for the flagged entries.
extern "C" __global__ void maha_without(const word_t* flags, index_t pitch, const real* G,
                                        index_t row_stride, index_t column_stride, index_t rows,
                                        index_t columns, real* kept) {
    const index_t j = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= columns) return;
    for (index_t i = blockIdx.y; i < rows; i += gridDim.y) {
        const bool flagged = flags[i * pitch + j / 64] >> (j % 64) & 1;
        kept[i * columns + j] = flagged ? (real)0 : G[i * row_stride + j * column_stride];
    }
}

// G = 0 for the flagged entries: all that is read is the flags.
extern "C" __global__ void maha_clear(const word_t* flags, index_t pitch, real* G,
                                      index_t row_stride, index_t column_stride, index_t rows) {
    const index_t w = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (w >= pitch) return;
    for (index_t i = blockIdx.y; i < rows; i += gridDim.y)
        for (word_t left = flags[i * pitch + w]; left; left &= left - 1)
            G[i * row_stride + (w * 64 + __ffsll(left) - 1) * column_stride] = 0;
}
